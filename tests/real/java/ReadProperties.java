import java.io.FileInputStream;
import java.util.Properties;
import java.util.TreeMap;

/** Reads a .properties file as OpenMeetings does, and prints each key and value, escaped as JSON text is. */
public class ReadProperties {
    public static void main(String[] files) throws Exception {
        Properties properties = new Properties();
        try (FileInputStream in = new FileInputStream(files[0])) {
            properties.load(in);
        }
        new TreeMap<>(properties).forEach((key, value) -> System.out.println(ascii(key + "=" + value)));
    }

    private static String ascii(String text) {
        StringBuilder result = new StringBuilder();
        text.chars().forEach(c -> result.append(c < 32 || c > 126 ? String.format("\\u%04x", c) : (char) c));
        return result.toString();
    }
}
