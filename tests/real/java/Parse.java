import com.hazelcast.config.Config;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.NearCacheConfig;
import com.hazelcast.config.NetworkConfig;
import com.hazelcast.config.XmlConfigBuilder;
import java.util.Map;
import java.util.TreeMap;

/** Reads each hazelcast.xml as a member would, and prints what Hazelcast made of it, a fact a line. */
public class Parse {
    public static void main(String[] files) throws Exception {
        for (String file : files) {
            System.out.println("file=" + file);
            try {
                print(new XmlConfigBuilder(file).build());
            } catch (Exception error) {
                System.out.println("refused=" + error.getClass().getSimpleName());
            }
        }
    }

    private static void print(Config config) {
        System.out.println("cluster-name=" + config.getClusterName());
        System.out.println("instance-name=" + config.getInstanceName());
        new TreeMap<>(config.getMemberAttributeConfig().getAttributes())
            .forEach((key, value) -> System.out.println("attribute " + key + "=" + value));
        new TreeMap<>(config.getProperties())
            .forEach((key, value) -> System.out.println("property " + key + "=" + value));
        NetworkConfig network = config.getNetworkConfig();
        System.out.println("port=" + network.getPort() + " auto-increment=" + network.isPortAutoIncrement());
        System.out.println("interfaces=" + network.getInterfaces().isEnabled() + network.getInterfaces().getInterfaces());
        JoinConfig join = network.getJoin();
        System.out.println("multicast=" + join.getMulticastConfig().isEnabled()
            + " " + join.getMulticastConfig().getMulticastGroup()
            + ":" + join.getMulticastConfig().getMulticastPort()
            + " ttl=" + join.getMulticastConfig().getMulticastTimeToLive()
            + " timeout=" + join.getMulticastConfig().getMulticastTimeoutSeconds());
        System.out.println("tcp-ip=" + join.getTcpIpConfig().isEnabled() + join.getTcpIpConfig().getMembers());
        System.out.println("aws=" + join.getAwsConfig().isEnabled());
        for (Map.Entry<String, MapConfig> entry : new TreeMap<>(config.getMapConfigs()).entrySet()) {
            NearCacheConfig near = entry.getValue().getNearCacheConfig();
            System.out.println("map " + entry.getKey() + "="
                + (near == null ? "no near-cache" : near.getInMemoryFormat()
                    + " local=" + near.isCacheLocalEntries()
                    + " eviction=" + near.getEvictionConfig().getEvictionPolicy()));
        }
    }
}
