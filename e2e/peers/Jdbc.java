import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/** Asks Ironbridge by PostgreSQL's JDBC driver. Words: URL, user, password, path of a point. Prints `key=value`. */
public class Jdbc {
    static void say(String key, Object value) {
        System.out.println(key + "=" + value);
    }

    static List<String> column(ResultSet rows, String name) throws SQLException {
        List<String> all = new ArrayList<>();
        while (rows.next()) {
            all.add(rows.getString(name));
        }
        rows.close();
        return all;
    }

    static void look(Connection connection) throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        say("product", data.getDatabaseProductName());
        say("catalogs", column(data.getCatalogs(), "TABLE_CAT"));
        say("schemas", column(data.getSchemas(), "TABLE_SCHEM"));
        say("kinds", column(data.getTableTypes(), "TABLE_TYPE").containsAll(List.of("TABLE", "VIEW")));
        say("tables", column(data.getTables(null, "public", "%", new String[] {"TABLE"}), "TABLE_NAME"));
        say("lake", column(data.getTables(null, "lake", "%", new String[] {"TABLE"}), "TABLE_NAME"));
        say("views", column(data.getTables(null, "public", "%", new String[] {"VIEW"}), "TABLE_NAME"));
        List<String> columns = new ArrayList<>();
        try (ResultSet rows = data.getColumns(null, "public", "samples", "%")) {
            while (rows.next()) {
                columns.add(rows.getString("COLUMN_NAME") + ":" + rows.getString("TYPE_NAME") + ":" + rows.getInt("NULLABLE"));
            }
        }
        say("columns", columns);
        say("keys", column(data.getPrimaryKeys(null, "public", "samples"), "COLUMN_NAME"));
        say("imported", column(data.getImportedKeys(null, "public", "samples"), "FKCOLUMN_NAME"));
        say("exported", column(data.getExportedKeys(null, "public", "samples"), "FKCOLUMN_NAME"));
        say("indexes", column(data.getIndexInfo(null, "public", "samples", false, true), "INDEX_NAME"));
        say("procedures", column(data.getProcedures(null, "public", "%"), "PROCEDURE_NAME"));
        say("functions", column(data.getFunctions(null, null, "time_bucket"), "FUNCTION_NAME"));
        say("given", column(data.getFunctionColumns(null, "public", "time_bucket", "%"), "TYPE_NAME"));
        say("types", column(data.getTypeInfo(), "TYPE_NAME").contains("float8"));
        say("privileges", column(data.getTablePrivileges(null, "public", "samples"), "PRIVILEGE"));
    }

    static void ask(Connection connection, String path) throws SQLException {
        String sql = "select path, time, value, good, seq, value_int, value_text from samples where path = ? and time > ? order by time limit ?";
        // More than the five after which the driver prepares on the server and asks for binary values.
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            // The simple protocol cannot ask for columns before there are values.
            if (!connection.getClientInfo("ApplicationName").equals("simple")) {
                ResultSetMetaData told = statement.getMetaData();
                say("told", told.getColumnTypeName(2) + " " + told.getColumnClassName(3) + " " + told.getColumnTypeName(4));
            }
            for (int run = 0; run < 8; run++) {
                statement.setString(1, path);
                statement.setTimestamp(2, Timestamp.from(Instant.now().minusSeconds(3600)));
                statement.setInt(3, 5);
                try (ResultSet rows = statement.executeQuery()) {
                    int count = 0;
                    while (rows.next()) {
                        OffsetDateTime time = rows.getObject(2, OffsetDateTime.class);
                        if (!rows.getString(1).equals(path) || rows.getDouble(3) != 12.5 || !rows.getBoolean(4)
                                || rows.getLong(5) <= 0 || rows.getString(7) != null
                                || time.isBefore(OffsetDateTime.now().minusHours(2))) {
                            throw new IllegalStateException("run " + run + ": " + time + " " + rows.getDouble(3));
                        }
                        count++;
                    }
                    if (count != 5) {
                        throw new IllegalStateException("run " + run + ": " + count + " rows");
                    }
                }
            }
        }
        try (PreparedStatement statement = connection.prepareStatement("select ?::bigint + 1, ?::text, ?::float8, ?::boolean, ?::timestamptz is null")) {
            statement.setLong(1, 41);
            statement.setString(2, "a'b;--");
            statement.setDouble(3, 1.5);
            statement.setBoolean(4, true);
            statement.setTimestamp(5, null);
            ResultSet row = statement.executeQuery();
            row.next();
            say("parameters", row.getLong(1) + " " + row.getString(2) + " " + row.getDouble(3) + " " + row.getBoolean(4) + " " + row.getBoolean(5));
        }
        try (PreparedStatement statement = connection.prepareStatement("select count(*) from points where path = any(?)")) {
            Array paths = connection.createArrayOf("text", new String[] {path, "x"});
            statement.setArray(1, paths);
            ResultSet row = statement.executeQuery();
            row.next();
            say("any", row.getLong(1));
        }
    }

    static void bounds(Connection connection) throws SQLException {
        // A cursor on the server: rows in portions.
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(1000);
            long sum = 0;
            try (ResultSet rows = statement.executeQuery("select value from generate_series(1, 100000)")) {
                while (rows.next()) {
                    sum += rows.getLong(1);
                }
            }
            say("portions", sum);
            statement.setMaxRows(3);
            say("most", column(statement.executeQuery("select value from generate_series(1, 10)"), "value").size());
        }
        connection.commit();
        connection.setAutoCommit(true);
        try (Statement statement = connection.createStatement()) {
            statement.executeUpdate("delete from samples");
        } catch (SQLException error) {
            say("write", error.getSQLState());
        }
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.executeQuery("select count(*) from generate_series(1, 100000000) a, generate_series(1, 1000000) b where a.value % 7 = b.value % 11");
        } catch (SQLException error) {
            say("stopped", error.getSQLState());
        }
        say("valid", connection.isValid(5));
    }

    public static void main(String[] words) throws Exception {
        Properties who = new Properties();
        who.setProperty("user", words[1]);
        who.setProperty("password", words[2]);
        who.setProperty("ApplicationName", "jdbc test");
        try (Connection connection = DriverManager.getConnection(words[0], who)) {
            look(connection);
            ask(connection, words[3]);
            bounds(connection);
        }
        who.setProperty("password", "wrong");
        try (Connection connection = DriverManager.getConnection(words[0], who)) {
            say("wrong", "was let in");
        } catch (SQLException error) {
            say("wrong", error.getSQLState());
        }
        // Values come in text only with the simple protocol.
        who.setProperty("password", words[2]);
        who.setProperty("preferQueryMode", "simple");
        who.setProperty("ApplicationName", "simple");
        try (Connection connection = DriverManager.getConnection(words[0], who)) {
            ask(connection, words[3]);
            say("simple", true);
        }
    }
}
