import com.hazelcast.cluster.InitialMembershipEvent;
import com.hazelcast.cluster.InitialMembershipListener;
import com.hazelcast.cluster.Member;
import com.hazelcast.cluster.MembershipEvent;
import com.hazelcast.config.Config;
import com.hazelcast.config.ListenerConfig;
import com.hazelcast.config.XmlConfigBuilder;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.KeyStore;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Executors;
import java.util.logging.Logger;
import java.util.logging.LogRecord;
import java.util.logging.SimpleFormatter;
import java.util.logging.StreamHandler;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * Stands for OpenMeetings on a node of a test, and is none: a real member with the deployed hazelcast.xml,
 * which Hazelcast logs where OpenMeetings would; a port for remote commits; the health page, by HTTPS.
 *
 * usage: StandIn HOME STATE; tests/real/machines.py says what lies in the folder STATE.
 */
public class StandIn implements InitialMembershipListener {
    private static final String PASSWORD = "changeit";
    private static Path home;
    private static Path state;
    /** What it was started with: its configuration does not change under it. */
    private static String read;
    private static Set<String> seen = Set.of();

    public static void main(String[] arguments) throws Exception {
        home = Path.of(arguments[0]);
        state = Path.of(arguments[1]);
        mark("starting");
        Path xml = home.resolve("webapps/openmeetings/WEB-INF/classes/hazelcast.xml");
        Path options = home.resolve("bin/setenv.sh");
        read = Files.readString(xml) + (Files.exists(options) ? Files.readString(options) : "");
        log(home.resolve("logs/openmeetings.log"));
        HazelcastInstance instance = member(xml);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            mark("stopping");
            instance.shutdown();
        }));
        ServerSocket commits = new ServerSocket(5636);
        Thread.sleep(1000 * Long.parseLong(told("seconds", "1")));
        serve();
        commits.setSoTimeout(100);
        for (String before = "";;) {
            String now = healthy() ? "healthy" : "sick";
            if (!now.equals(before)) {
                mark(now);
            }
            before = now;
            try {
                commits.accept().close();
            } catch (IOException nobody) {
                // Time to look at what is told again.
            }
        }
    }

    private static HazelcastInstance member(Path xml) {
        try {
            Config config = new XmlConfigBuilder(xml.toString()).build();
            config.setProperty("hazelcast.logging.type", "jdk");
            config.setProperty("hazelcast.shutdownhook.enabled", "false");
            config.setProperty("hazelcast.phone.home.enabled", "false");
            config.addListenerConfig(new ListenerConfig(new StandIn()));
            return Hazelcast.newHazelcastInstance(config);
        } catch (Exception error) {
            Logger.getLogger("").severe("refused: " + error);
            System.exit(1);
            return null;
        }
    }

    @Override
    public void init(InitialMembershipEvent event) {
        members(event.getMembers());
    }

    @Override
    public void memberAdded(MembershipEvent event) {
        members(event.getMembers());
    }

    @Override
    public void memberRemoved(MembershipEvent event) {
        members(event.getMembers());
    }

    private static synchronized void members(Set<Member> members) {
        Set<String> names = new TreeSet<>();
        members.forEach(member -> names.add(member.getAttribute("name")));
        if (!names.equals(seen)) {
            mark("members " + String.join(" ", names));
        }
        seen = names;
    }

    /** Add a moment to the time line. */
    private static synchronized void mark(String what) {
        long now = System.currentTimeMillis();
        String line = String.format("%d.%03d %s%n", now / 1000, now % 1000, what);
        try {
            Files.writeString(state.resolve("timeline"), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void log(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        System.setProperty("java.util.logging.SimpleFormatter.format", "%4$s %1$tF %1$tT %5$s%6$s%n");
        var handler = new StreamHandler(new FileOutputStream(file.toFile(), true), new SimpleFormatter()) {
            @Override
            public synchronized void publish(LogRecord record) {
                super.publish(record);
                flush();
            }
        };
        Logger root = Logger.getLogger("");
        for (var other : root.getHandlers()) {
            root.removeHandler(other);
        }
        root.addHandler(handler);
    }

    private static String told(String name, String otherwise) throws IOException {
        Path file = state.resolve(name);
        return Files.exists(file) ? Files.readString(file).strip() : otherwise;
    }

    private static boolean healthy() throws IOException {
        Path file = state.resolve("sick");
        return !Files.exists(file) || !read.contains(told("sick", ""));
    }

    private static void serve() throws Exception {
        KeyStore store = KeyStore.getInstance(state.resolve("keystore.p12").toFile(), PASSWORD.toCharArray());
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, PASSWORD.toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        HttpsServer server = HttpsServer.create(new InetSocketAddress(5443), 0);
        server.setHttpsConfigurator(new HttpsConfigurator(context));
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/openmeetings/services/info/health", StandIn::answer);
        server.start();
    }

    private static void answer(HttpExchange asked) throws IOException {
        boolean well = healthy();
        byte[] page = ("{\"inited\":" + well + ",\"installed\":true,\"dbOk\":true}").getBytes();
        asked.getResponseHeaders().set("Content-Type", "application/json");
        asked.sendResponseHeaders(200, page.length);
        asked.getResponseBody().write(page);
        asked.close();
    }
}
