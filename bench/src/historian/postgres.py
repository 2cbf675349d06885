"""A PostgreSQL server for as long as a comparison takes: stands before each script that needs one."""

import contextlib
import glob
import os
import shutil
import socket
import subprocess


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def postgres(folder, *settings):
    """The address of a server that keeps its files in `folder`; settings are `name=value`."""
    bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    home, who, port = os.path.join(folder, "pg"), [], free_port()
    os.makedirs(home)
    if os.getuid() == 0:
        # It refuses to be root's.
        shutil.chown(home, "postgres")
        os.chmod(folder, 0o755)
        who = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    def run(program, *words):
        subprocess.run([*who, os.path.join(bin, program), "-D", home, *words], check=True, stdout=subprocess.DEVNULL)

    run("initdb", "-A", "trust", "-U", "bench", "-E", "UTF8", "--locale=C")
    options = " ".join([f"-p {port} -k {home} -c listen_addresses=127.0.0.1", *(f"-c {setting}" for setting in settings)])
    run("pg_ctl", "-w", "-l", os.path.join(home, "log"), "-o", options, "start")
    try:
        yield f"postgres://bench@127.0.0.1:{port}/postgres"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


