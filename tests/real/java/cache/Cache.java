import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;

import jakarta.persistence.EntityManager;
import jakarta.persistence.EntityManagerFactory;
import org.apache.openjpa.persistence.PersistenceProviderImpl;
import org.apache.openmeetings.db.entity.Note;

/** A node's JPA: `read` prints the row as this JVM sees it, `write TEXT` changes it. */
public class Cache {
    public static void main(String[] arguments) throws Exception {
        // What OpenMeetings does at its start: the addresses of Hazelcast's members take their place.
        EntityManagerFactory factory = new PersistenceProviderImpl().createEntityManagerFactory(
            "openmeetings", Map.of("openjpa.RemoteCommitProvider", "tcp(Addresses=" + arguments[0] + ")"));
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready");
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            EntityManager manager = factory.createEntityManager();
            Note note = manager.find(Note.class, 1L);
            if (line.startsWith("write ")) {
                manager.getTransaction().begin();
                if (note == null) {
                    note = new Note();
                    note.setId(1L);
                    manager.persist(note);
                }
                note.setText(line.substring(6));
                manager.getTransaction().commit();
            }
            System.out.println("text " + (note == null ? null : note.getText()));
            manager.close();
        }
    }
}
