"""A journal full of samples into PostgreSQL, JetStream, VictoriaMetrics and Iceberg, each beside the fastest other way to load the same rows into the
same server. What arrived is counted at the far side. Words: the program, its data folder, samples in it, a folder to work in."""

import base64
import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import duckdb
import psycopg

program, data, samples, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]


class Gateway:
    """The program with one destination, which begins with the oldest sample."""

    def __init__(self, name, destination):
        plant = os.path.join(folder, f"plant-{name}")
        os.makedirs(os.path.join(plant, "destinations"))
        with open(os.path.join(plant, "ironbridge.toml"), "w") as file:
            file.write('enterprise = "acme"\nsite = "bench"\n[web]\nlisten = "127.0.0.1:0"\n')
        with open(os.path.join(plant, "destinations", f"{name}.toml"), "w") as file:
            units = ", ".join(f'"unit-{unit}/**"' for unit in range(30))
            file.write(destination + f'select = [{units}]\nstart = "oldest"\n')
        # A data folder of its own: the journal keeps nothing for a destination that its plant does not have.
        own = shutil.copytree(data, os.path.join(plant, "data"))
        self.process = subprocess.Popen([program, "run", plant, "--data", own, "--log", "error"], stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("page"):
                self.page = line.split(":")[-1].strip().split("/")[0]
            if line.strip() == "ready":
                return
        raise SystemExit("ironbridge did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def sent(self):
        """Samples that the far side has acknowledged."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return max((float(line.split()[-1]) for line in lines if line.startswith("ironbridge_destination_sent_total{")), default=0)

    def cost(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def deliver(self):
        """Samples a second from the first to the last acknowledgement, and processor seconds a million samples."""
        began, last, moved = None, 0, time.perf_counter()
        while last < samples:
            sent, now = self.sent(), time.perf_counter()
            if sent > last:
                began = began or (sent, now, self.cost())
                last, moved = sent, now
            if now - moved > 60:
                raise SystemExit(f"{last:.0f} of {samples} samples were acknowledged, then nothing for a minute")
            time.sleep(0.02)
        count = last - began[0]
        if not count:
            raise SystemExit("too few samples to measure: more --hours")
        return count / (moved - began[1]), (self.cost() - began[2]) / count * 1e6


@contextlib.contextmanager
def server(*words):
    """The port of a server; `{port}` in its words stands for it."""
    port = free_port()
    process = subprocess.Popen([word.replace("{port}", str(port)) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def arrived(count):
    if count != samples:
        raise SystemExit(f"{count} samples are there, not {samples}")


def report(where, ours, cost, theirs, what):
    print(f"  {where:12} {ours / 1e3:9.0f} k samples/s, {cost:.2f} core-s a million   {what} {theirs / 1e3:.0f} k/s   {ours / theirs:.2f}x (goal 0.5x)", flush=True)


def database():
    with postgres(folder, "shared_buffers=512MB", "max_wal_size=4GB") as url, psycopg.connect(url, autocommit=True) as connection:
        with Gateway("db", f'kind = "postgres"\nurl = "{url}"\nsslmode = "disable"\n') as gateway:
            rates = gateway.deliver()
        arrived(connection.execute("select count(*) from ironbridge.sample").fetchone()[0])
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
        theirs = samples / (time.perf_counter() - start)
        os.remove(file)
        arrived(connection.execute("select count(*) from again").fetchone()[0])
        report("PostgreSQL", *rates, theirs, "COPY (binary)")


def ask(port, subject, question=""):
    """What JetStream answers about itself."""
    with socket.create_connection(("127.0.0.1", port)) as stream, stream.makefile("rb") as lines:
        text = json.dumps(question) if question else ""
        stream.sendall(f'CONNECT {{"verbose":false}}\r\nSUB _INBOX.c 1\r\nPUB $JS.API.{subject} _INBOX.c {len(text)}\r\n{text}\r\n'.encode())
        head = next(line for line in lines if line.startswith(b"MSG"))
        answer = json.loads(lines.read(int(head.split()[-1])))
    if "error" in answer:
        raise SystemExit(f"JetStream refuses {subject}: {answer['error']}")
    return answer


def raw_publish(port, size, count):
    """Messages a second that JetStream acknowledges to a client that only copies bytes, 4,096 under way; `size` with headers."""
    stream = socket.create_connection(("127.0.0.1", port))
    stream.sendall(b'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\nSUB _INBOX.a 1\r\n')
    chunk, window = 512, 4096
    sent = acknowledged = 0
    tail = b""
    start = time.perf_counter()
    while acknowledged < count:
        while sent < count and sent - acknowledged < window:
            part = []
            for n in range(sent, min(sent + chunk, count)):
                head = b"NATS/1.0\r\nNats-Msg-Id: again-%d\r\n\r\n" % n
                tag = n % 1000
                part.append(b"HPUB again.bench.unit-%d.tag-%d _INBOX.a %d %d\r\n%s\r\n" % (tag // 50, tag, len(head), size, head.ljust(size, b"x")))
            stream.sendall(b"".join(part))
            sent += len(part)
        tail += stream.recv(1 << 20)
        acknowledged += tail.count(b"MSG _INBOX.a")
        tail = tail[-12:] if not tail.endswith(b"MSG _INBOX.a") else b""
    rate = acknowledged / (time.perf_counter() - start)
    stream.close()
    return rate


def jetstream():
    with server("nats-server", "-js", "-sd", os.path.join(folder, "js"), "-a", "127.0.0.1", "-p", "{port}") as port:
        with Gateway("stream", f'kind = "nats"\nurl = "nats://127.0.0.1:{port}"\n') as gateway:
            rates = gateway.deliver()
        (name,) = ask(port, "STREAM.NAMES")["streams"]
        arrived(ask(port, f"STREAM.INFO.{name}")["state"]["messages"])
        # The same kind of stream, filled with messages as large, headers included, by the other client.
        some = [ask(port, f"STREAM.MSG.GET.{name}", {"seq": seq})["message"] for seq in random.Random(7).sample(range(1, samples + 1), 200)]
        size = sum(len(base64.b64decode(one[part])) for one in some for part in ("hdrs", "data")) // len(some)
        ask(port, f"STREAM.DELETE.{name}")
        ask(port, "STREAM.CREATE.AGAIN", {"name": "AGAIN", "subjects": ["again.>"], "storage": "file", "retention": "limits"})
        theirs = raw_publish(port, size, samples)
        arrived(ask(port, "STREAM.INFO.AGAIN")["state"]["messages"])
        report("JetStream", *rates, theirs, f"a socket that only copies, {size} B a message,")


def post(port, bodies):
    """Line protocol over one kept connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for body in bodies:
        connection.request("POST", "/write", body)
        answer = connection.getresponse()
        if answer.status != 204:
            raise SystemExit(f"VictoriaMetrics answers {answer.status}")
        answer.read()


def line_protocol():
    with server("victoria-metrics", "-storageDataPath=" + os.path.join(folder, "vm"), "-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y") as port:

        def rows():
            """Values that it has taken; a sample is three of them or four."""
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                lines = answer.read().decode().splitlines()
            return next(int(line.split()[-1]) for line in lines if line.startswith('vm_rows_inserted_total{type="influx"'))

        before = rows()
        with Gateway("lines", f'kind = "influx"\nurl = "http://127.0.0.1:{port}"\n') as gateway:
            rates = gateway.deliver()
        values = rows() - before
        if not 3 * samples <= values <= 5 * samples:
            raise SystemExit(f"{values} values are there of {samples} samples")
        # The same kind of lines under another name, made before and posted by two clients, as it has two cores here.
        count = min(samples, 1_000_000) // 20_000 * 20_000
        start, chance = 1_767_225_600_000_000_000, random.Random(7)
        lines = [
            b'again,path=acme/bench/unit-%d/tag-%d,unit=bar value=%r,good=true,status=0i,quality="Good",seq="%d" %d\n'
            % (n % 1000 // 50, n % 1000, chance.random(), n, start + n // 1000 * 1_000_000_000)
            for n in range(count)
        ]
        bodies = [b"".join(lines[at : at + 10_000]) for at in range(0, count, 10_000)]
        del lines
        clients = [threading.Thread(target=post, args=(port, bodies[half::2])) for half in range(2)]
        before, began = rows(), time.perf_counter()
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        theirs = count / (time.perf_counter() - began)
        if rows() - before < 3 * count:
            raise SystemExit(f"{rows() - before} values are there of {count} lines")
        report("VictoriaMetrics", *rates, theirs, "two clients that only post")


def lake():
    table = os.path.join(folder, "lake")
    with Gateway("lake", f'kind = "iceberg"\nurl = "{table}"\ncommit = "1s"\n') as gateway:
        rates = gateway.deliver()
    files = os.path.join(table, "samples", "data", "**", "*.parquet")
    engine = duckdb.connect()
    engine.execute("set enable_progress_bar = false")
    # Small files become one; the small ones stay for a while.
    engine.execute(f"create table samples as select distinct on (path, time, nanos, seq) * from read_parquet('{files}')")
    arrived(engine.execute("select count(*) from samples").fetchone()[0])
    start = time.perf_counter()
    copy = os.path.join(folder, "copy.parquet")
    engine.execute(f"copy (select * from samples order by path, time) to '{copy}' (format parquet, compression zstd)")
    report("Iceberg", *rates, samples / (time.perf_counter() - start), "DuckDB's COPY into one file, sorted,")


print(f"  {samples:,} samples of the journal, each destination alone", flush=True)
database()
jetstream()
line_protocol()
lake()
