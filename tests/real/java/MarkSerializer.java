import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.StreamSerializer;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;

/** A serializer that only the file of further Hazelcast elements names; it says that it was made. */
public class MarkSerializer implements StreamSerializer<AtomicReference<?>> {
    public MarkSerializer() {
        System.out.println("serializer made");
    }

    @Override
    public int getTypeId() {
        return 4711;
    }

    @Override
    public void write(ObjectDataOutput out, AtomicReference<?> value) throws IOException {
        out.writeObject(value.get());
    }

    @Override
    public AtomicReference<?> read(ObjectDataInput in) throws IOException {
        return new AtomicReference<Object>(in.readObject());
    }
}
