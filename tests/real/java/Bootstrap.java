package org.apache.catalina.startup;

import java.lang.management.ManagementFactory;

/** Stands where Tomcat's own class does, and prints the arguments that catalina.sh gave to this JVM. */
public class Bootstrap {
    public static void main(String[] arguments) {
        ManagementFactory.getRuntimeMXBean().getInputArguments().forEach(System.out::println);
    }
}
