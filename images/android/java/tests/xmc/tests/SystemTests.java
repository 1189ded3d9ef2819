// SPDX-License-Identifier: GPL-2.0-or-later

package xmc.tests;

import static xmc.tests.Main.check;
import static xmc.tests.Main.equal;

import android.system.Os;
import android.system.OsConstants;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;

/** What is around the runtime: kernel, binder, properties. */
public final class SystemTests {
    private static final String SERVICE = "xmc.tests";
    private static final int WAITS = 100;
    private static final int WAIT_MS = 50;

    private SystemTests() {}

    public static void sockets() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            Thread client = new Thread(() -> {
                try (Socket socket = new Socket("127.0.0.1", server.getLocalPort())) {
                    socket.getOutputStream().write(new byte[100_000]);
                } catch (Exception e) {
                    e.printStackTrace();
                }
            });
            client.start();
            int total = 0;
            try (Socket socket = server.accept()) {
                InputStream in = socket.getInputStream();
                byte[] some = new byte[4096];
                for (int got = in.read(some); got >= 0; got = in.read(some)) {
                    total += got;
                }
            }
            client.join();
            equal(100_000, total);
        }
    }

    public static void namesThatAreNoAddressesAreNotFound() throws Exception {
        try {
            InetAddress.getByName("no.such.host.invalid");
            check(false, "not found");
        } catch (UnknownHostException e) {
            check(e.getMessage().contains("no.such.host.invalid"), e.getMessage());
        }
    }

    public static void systemCalls() throws Exception {
        FileDescriptor read = Os.pipe()[0];
        check(OsConstants.S_ISFIFO(Os.fstat(read).st_mode), "a pipe is a pipe");
        Os.close(read);
        equal(0, Os.getuid());
        equal("Linux", Os.uname().sysname);
    }

    public static void aServiceIsFoundOverBinderWhileItLives() throws Exception {
        equal("Service xmc.ping: found", output("service", "check", "xmc.ping"));
        Process service = new ProcessBuilder("/system/bin/service", "publish", SERVICE).start();
        try {
            waitFor(SERVICE, "found");
        } finally {
            service.destroy();
            service.waitFor();
        }
        waitFor(SERVICE, "not found");
    }

    public static void propertiesAreSetAndRead() throws Exception {
        equal("", output("setprop", "debug.xmc.tests", "set by a test"));
        equal("set by a test", output("getprop", "debug.xmc.tests"));
        equal("otherwise", output("getprop", "debug.xmc.unset", "otherwise"));
        check(output("getprop", "ro.product.model").contains("not an AOSP image"), "the label");
    }

    private static void waitFor(String service, String state) throws Exception {
        String found = "";
        for (int i = 0; i < WAITS && !found.endsWith(": " + state); i++) {
            Thread.sleep(WAIT_MS);
            found = output("service", "check", service);
        }
        equal("Service " + service + ": " + state, found);
    }

    private static String output(String program, String... arguments) throws Exception {
        String[] command = new String[arguments.length + 1];
        command[0] = "/system/bin/" + program;
        System.arraycopy(arguments, 0, command, 1, arguments.length);
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream()))) {
            String first = lines.readLine();
            process.waitFor();
            return first == null ? "" : first;
        }
    }
}
