import com.hazelcast.cluster.Member;
import com.hazelcast.config.XmlConfigBuilder;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import java.util.Set;
import java.util.TreeSet;

/** Starts a member with a hazelcast.xml and prints, whenever it changes, which members it sees. */
public class MemberMain {
    public static void main(String[] arguments) throws Exception {
        HazelcastInstance instance;
        try {
            instance = Hazelcast.newHazelcastInstance(new XmlConfigBuilder(arguments[0]).build());
        } catch (Exception error) {
            System.out.println("refused " + error.getClass().getSimpleName() + ": " + error.getMessage());
            System.exit(1);
            return;
        }
        String before = "";
        while (true) {
            Set<String> seen = new TreeSet<>();
            for (Member member : instance.getCluster().getMembers()) {
                seen.add(member.getAttribute("name") + "=" + member.getAttribute("server.url"));
            }
            String now = "members " + String.join(" ", seen);
            if (!now.equals(before)) {
                System.out.println(now);
            }
            before = now;
            Thread.sleep(200);
        }
    }
}
