"""A journal full of samples into PostgreSQL and JetStream, each beside the fastest other way to load the same rows into the
same server. Words: the program, its data folder, samples in it, a folder to work in."""

import glob
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import psycopg

program, data, samples, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gateway:
    """The program with one destination, which begins with the oldest sample."""

    def __init__(self, name, destination):
        plant = os.path.join(folder, f"plant-{name}")
        os.makedirs(os.path.join(plant, "destinations"))
        with open(os.path.join(plant, "ironbridge.toml"), "w") as file:
            file.write('enterprise = "acme"\nsite = "bench"\n[web]\nlisten = "127.0.0.1:0"\n')
        with open(os.path.join(plant, "destinations", f"{name}.toml"), "w") as file:
            file.write(destination + 'select = ["unit-*/**"]\nstart = "oldest"\n')
        self.process = subprocess.Popen([program, "run", plant, "--data", data, "--log", "error"], stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("page"):
                self.page = line.split(":")[-1].strip().split("/")[0]
            if line.strip() == "ready":
                return
        raise SystemExit("ironbridge did not start")

    def sent(self):
        """Samples that the far side has acknowledged."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return max((float(line.split()[-1]) for line in lines if line.startswith("ironbridge_destination_sent_total{")), default=0)

    def cost(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def deliver(self):
        """Samples a second from the first to the last acknowledgement, and processor seconds a million samples."""
        began = None
        while True:
            sent, now = self.sent(), time.perf_counter()
            if sent and began is None:
                began = (sent, now, self.cost())
            if sent >= samples:
                break
            time.sleep(0.02)
        count = sent - began[0]
        rates = count / (now - began[1]), (self.cost() - began[2]) / count * 1e6
        self.process.terminate()
        self.process.wait()
        return rates


def report(where, ours, cost, theirs, what):
    print(f"  {where:12} {ours / 1e3:9.0f} k samples/s, {cost:.2f} core-s a million   {what} {theirs / 1e3:.0f} k/s   {ours / theirs:.2f}x (goal 0.5x)", flush=True)


def postgres():
    bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    home, who = os.path.join(folder, "pg"), []
    os.makedirs(home)
    if os.getuid() == 0:
        shutil.chown(home, "postgres")
        os.chmod(folder, 0o755)
        who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    subprocess.run([*who, f"{bin}/initdb", "-D", home, "-A", "trust", "-U", "bench"], **quiet)
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c shared_buffers=512MB -c max_wal_size=4GB"
    subprocess.run([*who, f"{bin}/pg_ctl", "-D", home, "-w", "-o", options, "start"], **quiet)
    try:
        url = f"postgres://bench@127.0.0.1:{port}/postgres"
        rates = Gateway("db", f'kind = "postgres"\nurl = "{url}"\nsslmode = "disable"\n').deliver()
        connection = psycopg.connect(url, autocommit=True)
        assert connection.execute("select count(*) from ironbridge.sample").fetchone()[0] == samples
        # The same rows in the same order into a table with the same key.
        file = os.path.join(folder, "sample.bin")
        with open(file, "wb") as out, connection.cursor().copy("copy ironbridge.sample to stdout (format binary)") as copy:
            out.writelines(copy)
        connection.execute("create table again (like ironbridge.sample including all)")
        connection.execute("checkpoint")
        start = time.perf_counter()
        with open(file, "rb") as rows, connection.cursor().copy("copy again from stdin (format binary)") as copy:
            while part := rows.read(1 << 20):
                copy.write(part)
        report("PostgreSQL", *rates, samples / (time.perf_counter() - start), "COPY (binary)")
        connection.close()
    finally:
        subprocess.run([*who, f"{bin}/pg_ctl", "-D", home, "-m", "immediate", "stop"], **quiet)


def raw_publish(port, size, count):
    """Messages a second that JetStream acknowledges to a client that only copies bytes: 4,096 under way."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nSUB _INBOX.a 1\r\n')
    body, chunk, window = b"x" * size, 512, 4096
    sent = acknowledged = 0
    tail = b""
    start = time.perf_counter()
    while acknowledged < count:
        while sent < count and sent - acknowledged < window:
            part = []
            for n in range(sent, sent + chunk):
                head = b"NATS/1.0\r\nNats-Msg-Id: bench-%d\r\n\r\n" % n
                part.append(b"HPUB raw.unit-1.tag-%d _INBOX.a %d %d\r\n%s%s\r\n" % (n % 1000, len(head), len(head) + size, head, body))
            stream.sendall(b"".join(part))
            sent += chunk
        tail += stream.recv(1 << 20)
        acknowledged += tail.count(b"MSG _INBOX.a")
        tail = tail[-12:] if not tail.endswith(b"MSG _INBOX.a") else b""
        assert b"-ERR" not in tail
    return acknowledged / (time.perf_counter() - start)


def jetstream():
    port = free_port()
    server = subprocess.Popen(["nats-server", "-js", "-sd", os.path.join(folder, "js"), "-a", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        rates = Gateway("stream", f'kind = "nats"\nurl = "nats://127.0.0.1:{port}"\n').deliver()
        with socket.create_connection(("127.0.0.1", port)) as made:
            # The same kind of stream for the other client.
            ask = b'{"name":"RAW","subjects":["raw.>"],"storage":"file","retention":"limits"}'
            made.sendall(b'CONNECT {"verbose":false}\r\nSUB _INBOX.c 1\r\nPUB $JS.API.STREAM.CREATE.RAW _INBOX.c %d\r\n%s\r\n' % (len(ask), ask))
            answer = b""
            while b'"created"' not in answer:
                answer += made.recv(65536)
        report("JetStream", *rates, raw_publish(port, 150, samples // 512 * 512), "a socket that only copies")
    finally:
        server.terminate()
        server.wait()


print(f"  {samples:,} samples of the journal, each destination alone", flush=True)
postgres()
jetstream()
