import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;

/**
 * For each line of standard input, a URL, a user and a password with tabs between them: logs in by the
 * driver, and writes. Prints a line each: ok, or failed and all reasons.
 */
public class Connect {
    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        DriverManager.setLoginTimeout(20);
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split("\t", -1);
            out.println(written(words[0], words[1], words[2]));
        }
    }

    private static String written(String url, String user, String password) {
        try (Connection connection = DriverManager.getConnection(url, user, password);
                Statement statement = connection.createStatement()) {
            statement.executeUpdate("create table written (number int)");
            statement.executeUpdate("drop table written");
            return "ok";
        } catch (Throwable error) {
            StringBuilder reasons = new StringBuilder("failed");
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                reasons.append('\t').append(String.valueOf(cause).replaceAll("\\s+", " "));
                if (cause.getCause() == cause) {
                    break;
                }
            }
            return reasons.toString();
        }
    }
}
