import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.Statement;

import org.apache.openjpa.persistence.OpenJPAEntityManager;
import org.apache.openjpa.persistence.OpenJPAEntityManagerFactory;
import org.apache.openjpa.persistence.PersistenceProviderImpl;

/**
 * For each persistence.xml named on standard input: starts OpenJPA with it and asks the database who is
 * logged in, to which database. Prints a line a file: ok, user and database, or failed and the reason.
 */
public class Login {
    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        for (String file = input.readLine(); file != null; file = input.readLine()) {
            Path folder = Files.createTempDirectory("login");
            Files.createDirectories(folder.resolve("META-INF"));
            Files.copy(Path.of(file), folder.resolve("META-INF/persistence.xml"));
            out.println(login(folder));
        }
    }

    private static String login(Path folder) throws Exception {
        URL[] place = {folder.toUri().toURL()};
        try (URLClassLoader loader = new URLClassLoader(place, Login.class.getClassLoader())) {
            Thread.currentThread().setContextClassLoader(loader);
            OpenJPAEntityManagerFactory factory =
                new PersistenceProviderImpl().createEntityManagerFactory("openmeetings", null, null);
            OpenJPAEntityManager manager = factory.createEntityManager();
            try (Connection connection = (Connection) manager.getConnection();
                    Statement statement = connection.createStatement()) {
                String query = connection.getMetaData().getURL().startsWith("jdbc:postgresql:")
                    ? "select current_user, current_database()"
                    : "select substring_index(user(), '@', 1), database()";
                ResultSet result = statement.executeQuery(query);
                result.next();
                return "ok\t" + result.getString(1) + "\t" + result.getString(2);
            } finally {
                factory.close();
            }
        } catch (Throwable error) {
            Throwable cause = error;
            while (cause.getCause() != null && cause.getCause() != cause) {
                cause = cause.getCause();
            }
            return "failed\t" + String.valueOf(cause).split("\n")[0];
        }
    }
}
