"""One query by ADBC: prints its first value, or says why not. Words: address, a token's text, the query; then `--ca FILE`
(empty: the system's), `--stay` to keep the connection until killed, `--of N` for a query of that length."""

import sys

from adbc_driver_flightsql import DatabaseOptions, dbapi

address, token, sql, *more = sys.argv[1:]
options = {DatabaseOptions.AUTHORIZATION_HEADER.value: f"Bearer {token}"}
if "--ca" in more and more[more.index("--ca") + 1]:
    options[DatabaseOptions.TLS_ROOT_CERTS.value] = open(more[more.index("--ca") + 1]).read()
if "--of" in more:
    sql = "select '" + "x" * int(more[more.index("--of") + 1]) + "'"
try:
    with dbapi.connect(address, db_kwargs=options) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        print(cursor.fetchall()[0][0], flush=True)
        while "--stay" in more:
            sys.stdin.read(1)
except Exception as error:
    sys.exit(str(error))
