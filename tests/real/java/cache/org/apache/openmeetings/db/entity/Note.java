package org.apache.openmeetings.db.entity;

import jakarta.persistence.Entity;
import jakarta.persistence.Id;

/** One row. It stands in the package that OpenMeetings' entities have, which the white list names. */
@Entity
public class Note {
    @Id
    private long id;
    private String text;

    public void setId(long id) {
        this.id = id;
    }

    public String getText() {
        return text;
    }

    public void setText(String text) {
        this.text = text;
    }
}
