import com.mysql.cj.conf.ConnectionUrl;
import com.mysql.cj.conf.HostInfo;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** Prints what the drivers make of each JDBC URL of standard input: a line of their own words, or `refused`. */
public class Urls {
    public static void main(String[] args) throws Exception {
        var urls = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new StringBuilder();
        for (String url; (url = urls.readLine()) != null; ) {
            String read;
            try {
                read = url.startsWith("jdbc:postgresql:") ? postgresql(url) : mysql(url);
            } catch (Exception refused) {
                read = "refused";
            }
            out.append(read.replace("\n", "\\n")).append('\n');
        }
        System.out.write(out.toString().getBytes(StandardCharsets.UTF_8));
        System.out.flush();
    }

    private static String postgresql(String url) {
        Properties read = org.postgresql.Driver.parseURL(url, new Properties());
        if (read == null) {
            return "refused";
        }
        var settings = new TreeMap<>(read);
        String target = (String) settings.remove("targetServerType");
        settings.remove("ssl");
        settings.remove("sslmode");
        try {
            settings.put("(mode)", org.postgresql.jdbc.SslMode.of(read));
            if (target != null) {
                settings.put("(target)", org.postgresql.hostchooser.HostRequirement.getTargetServerType(target));
            }
        } catch (Exception refused) {
            return "refused";
        }
        return settings.toString();
    }

    private static String mysql(String url) {
        if (!ConnectionUrl.acceptsUrl(url)) {
            return "refused";
        }
        ConnectionUrl read = ConnectionUrl.getConnectionUrlInstance(url, new Properties());
        var out = new StringBuilder(read.getType() + " " + read.getDatabase());
        for (HostInfo host : read.getHostsList()) {
            out.append(" | ").append(host.getHost()).append(' ').append(host.getPort()).append(' ');
            out.append(host.getDatabase()).append(' ').append(settings(host));
        }
        return out.toString();
    }

    /** Names are the driver's in their exact case alone; one without a value is set to nothing. */
    private static Map<String, String> settings(HostInfo host) {
        var set = new TreeMap<String, String>();
        host.getHostProperties().forEach((name, value) -> set.put(name, value == null ? "" : value));
        var meant = new com.mysql.cj.jdbc.JdbcPropertySetImpl();
        meant.initializeProperties(host.exposeAsProperties());
        set.keySet().removeAll(java.util.List.of("useSSL", "requireSSL", "verifyServerCertificate"));
        set.replaceAll((name, value) ->
            meant.getProperty(name) != null && meant.getProperty(name).getValue() instanceof Boolean known
                ? known.toString() : value);
        set.put("sslMode", meant.getEnumProperty("sslMode").getStringValue());
        return set;
    }
}
