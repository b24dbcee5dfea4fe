"""Good documents for the tests of the schemas; the tests edit them to make bad ones."""

from __future__ import annotations

SECRET = "Tr0ub4dor"

WRITTEN = """\
<?xml version="1.0" encoding="UTF-8"?>
<hazelcast xmlns="http://www.hazelcast.com/schema/config"
           xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
           xsi:schemaLocation="http://www.hazelcast.com/schema/config
           https://www.hazelcast.com/schema/config/hazelcast-config-5.5.xsd">
  <cluster-name>conference</cluster-name>
  <instance-name>om1</instance-name>
  <member-attributes>
    <attribute name="name">om1</attribute>
    <attribute name="server.url">https://om1.example.org:5443/openmeetings</attribute>
  </member-attributes>
  <properties>
    <property name="hazelcast.logging.type">slf4j</property>
    <property name="hazelcast.heartbeat.interval.seconds">5</property>
  </properties>
  <network>
    <public-address>192.0.2.1</public-address>
    <port auto-increment="true" port-count="20">5701</port>
    <join>
      <multicast enabled="true">
        <multicast-group>224.2.2.3</multicast-group>
        <multicast-port>54327</multicast-port>
        <multicast-time-to-live>32</multicast-time-to-live>
        <multicast-timeout-seconds>2</multicast-timeout-seconds>
      </multicast>
      <tcp-ip enabled="false"/>
    </join>
    <interfaces enabled="true">
      <interface>10.1.1.1</interface>
    </interfaces>
  </network>
  <map name="ONLINE_USERS_KEY">
    <near-cache>
      <eviction eviction-policy="NONE"/>
      <in-memory-format>OBJECT</in-memory-format>
      <cache-local-entries>true</cache-local-entries>
    </near-cache>
  </map>
  <map name="ROOMS_KEY">
    <near-cache>
      <eviction eviction-policy="LRU"/>
      <in-memory-format>BINARY</in-memory-format>
      <cache-local-entries>false</cache-local-entries>
    </near-cache>
  </map>
</hazelcast>
"""

WRITTEN_TCP = """\
<?xml version="1.0" encoding="UTF-8"?>
<hazelcast xmlns="http://www.hazelcast.com/schema/config">
  <cluster-name>conference</cluster-name>
  <instance-name>om1</instance-name>
  <member-attributes>
    <attribute name="name">om1</attribute>
  </member-attributes>
  <properties>
    <property name="hazelcast.logging.type">slf4j</property>
  </properties>
  <network>
    <port auto-increment="false">5701</port>
    <join>
      <multicast enabled="false"/>
      <tcp-ip enabled="true">
        <member-list>
          <member>10.1.1.1:5701</member>
          <member>10.1.1.2:5701</member>
          <member>10.1.1.3</member>
        </member-list>
      </tcp-ip>
    </join>
    <interfaces enabled="true">
      <interface>10.1.1.1</interface>
    </interfaces>
  </network>
</hazelcast>
"""

# Made by hand: another order, fewer elements, white space, what else Hazelcast takes.
DEPLOYED = """\
<hazelcast xmlns="http://www.hazelcast.com/schema/config">
  <map name="ROOMS_KEY">
    <near-cache>
      <cache-local-entries> true </cache-local-entries>
      <in-memory-format>OBJECT</in-memory-format>
      <eviction eviction-policy="NONE"/>
    </near-cache>
  </map>
  <network>
    <interfaces enabled="true">
      <interface>
        10.1.1.*
      </interface>
      <interface>10.1.2.1-9</interface>
    </interfaces>
    <join>
      <auto-detection enabled="false"/>
      <aws enabled="false"/>
      <tcp-ip enabled="false" connection-timeout-seconds="5">
        <required-member>om1</required-member>
        <member-list>
          <member>om1:5701, om2</member>
        </member-list>
        <members>10.1.1.1,10.1.1.2</members>
        <member>[fd00::1]:5701</member>
        <interface>10.1.1.3</interface>
      </tcp-ip>
      <multicast enabled="true">
        <multicast-timeout-seconds>2</multicast-timeout-seconds>
        <multicast-time-to-live>32</multicast-time-to-live>
        <multicast-port>54327</multicast-port>
        <multicast-group>224.0.0.0</multicast-group>
      </multicast>
    </join>
    <port auto-increment="true" port-count="100">5701</port>
    <public-address>om1.example.org:5701</public-address>
  </network>
  <properties>
    <property name="hazelcast.logging.type">slf4j</property>
  </properties>
  <map name="SERVERS_KEY"/>
  <member-attributes>
    <attribute name="name">om1</attribute>
    <attribute name="server.url"/>
  </member-attributes>
  <instance-name>
    om1
  </instance-name>
  <cluster-name>conference</cluster-name>
</hazelcast>
"""

PERSISTENCE = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<persistence version="2.0" xmlns="http://java.sun.com/xml/ns/persistence">
  <persistence-unit name="openmeetings" transaction-type="RESOURCE_LOCAL">
    <provider>org.apache.openjpa.persistence.PersistenceProviderImpl</provider>
    <class>org.apache.openmeetings.db.entity.basic.ChatMessage</class>
    <class>org.apache.openmeetings.db.entity.user.User</class>
    <exclude-unlisted-classes>false</exclude-unlisted-classes>
    <properties>
      <property name="openjpa.ConnectionProperties" value="Username=om , Password={SECRET}"/>
      <property name="openjpa.DataCache" value="true"/>
      <property name="openjpa.Log" value=""/>
    </properties>
  </persistence-unit>
</persistence>
"""

PERSISTENCE_3 = PERSISTENCE.replace('"2.0"', '"3.0"').replace(
    "http://java.sun.com", "https://jakarta.ee"
)
