// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import android.system.OsConstants;
import android.system.UnixSocketAddress;
import dalvik.system.PathClassLoader;
import dalvik.system.ZygoteHooks;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileReader;
import java.io.IOException;

/**
 * Parent of all applications: loads the common classes once, then forks at request.
 *
 * <p>Arguments: PRELOADED_CLASSES APPLICATIONS (files). Commands come over the unix socket {@link
 * #SOCKET}, one line each; the reply ends with the connection. See {@link Commands}.
 *
 * <p>One thread does everything, since only a process with a single thread can fork: ART's own
 * daemons are stopped and started around it by AOSP's ZygoteHooks.
 */
public final class Zygote {
    static final String SOCKET = "/dev/socket/zygote";
    private static final String TESTS = "/system/framework/tests.jar";
    private static final int BACKLOG = 8;

    /** A client that has not said its command in so long is sent away: others wait for it. */
    private static final int CLIENT_S = 10;

    private Zygote() {}

    /** fork(2). The caller has called ZygoteHooks.preFork(). */
    private static native int fork();

    /** Applications that ended are reaped at once, unseen, as AOSP's zygote does. */
    private static native void reapChildren(boolean on);

    /** What ps shows. */
    static native void setProcessName(String name);

    /** exit(2) without Java's shutdown. */
    static native void exit(int status);

    public static void main(String[] args) throws Exception {
        System.loadLibrary("zygote");
        setProcessName("zygote");
        int classes = preload(args[0]);
        Runtime.getRuntime().gc();
        Log.i("zygote: " + classes + " classes preloaded, " + Smaps.of("self"));
        reapChildren(true);
        ActivityManager manager = new ActivityManager(Application.readAll(args[1]));
        serve(new Commands(manager), listen());
    }

    private static int preload(String list) throws IOException {
        int count = 0;
        ClassLoader loader = Zygote.class.getClassLoader();
        try (BufferedReader lines = new BufferedReader(new FileReader(list))) {
            for (String name = lines.readLine(); name != null; name = lines.readLine()) {
                try {
                    Class.forName(name, true, loader);
                    count++;
                } catch (Throwable absent) {
                    // A class that does not initialize here is loaded by whoever needs it.
                }
            }
        }
        return count;
    }

    private static FileDescriptor listen() throws Exception {
        try {
            Os.remove(SOCKET);
        } catch (ErrnoException notThere) {
            // first start
        }
        FileDescriptor server = Os.socket(OsConstants.AF_UNIX, OsConstants.SOCK_STREAM, 0);
        Os.bind(server, UnixSocketAddress.createFileSystem(SOCKET));
        Os.listen(server, BACKLOG);
        return server;
    }

    private static void serve(Commands commands, FileDescriptor server) throws Exception {
        while (true) {
            FileDescriptor client = Os.accept(server, null);
            Line line = new Line(client);
            try {
                line.limit(CLIENT_S);
                String command = line.read();
                String answer = command == null ? "" : commands.execute(command, server, client);
                if (answer != null) {
                    line.write(answer);
                }
            } catch (Exception e) {
                Log.e("zygote: " + e);
                line.tryWrite("error: " + e + "\n");
            }
            Os.close(client);
        }
    }

    /** What a child does; it ends with it. */
    private interface Child {
        void run() throws Exception;
    }

    /**
     * Fork an application.
     *
     * @param inherited descriptors of the zygote that the application must not keep
     * @return the zygote's end of a socket to the application, and its process id
     */
    static Process start(Application app, FileDescriptor... inherited) throws Exception {
        FileDescriptor ours = new FileDescriptor();
        FileDescriptor theirs = new FileDescriptor();
        Os.socketpair(OsConstants.AF_UNIX, OsConstants.SOCK_STREAM, 0, ours, theirs);
        int pid;
        try {
            pid = fork(app.name, inherited, () -> {
                Os.close(ours);
                AppMain.run(app, new Line(theirs));
            });
        } catch (IOException e) {
            Os.close(ours);
            throw e;
        } finally {
            Os.close(theirs);
        }
        Process process = new Process(app, pid, ours);
        process.line.limit(Process.ANSWER_S);
        return process;
    }

    /** Fork a process that runs the tests and tells the client of them. */
    static void instrument(FileDescriptor client, FileDescriptor... inherited) throws Exception {
        fork("instrument", inherited, () -> {
            ClassLoader loader = new PathClassLoader(TESTS, Zygote.class.getClassLoader());
            loader.loadClass("xmc.tests.Main").getMethod("run", FileDescriptor.class)
                    .invoke(null, client);
        });
    }

    private static int fork(String name, FileDescriptor[] inherited, Child child)
            throws IOException {
        ZygoteHooks.preFork();
        int pid = fork();
        if (pid == 0) {
            int status = 1;
            try {
                reapChildren(false);
                for (FileDescriptor fd : inherited) {
                    Os.close(fd);
                }
                ZygoteHooks.postForkChild(0, false, false, null);
                ZygoteHooks.postForkCommon();
                setProcessName(name);
                child.run();
                status = 0;
            } catch (Throwable e) {
                Log.e(name + ": " + e);
            } finally {
                exit(status);
            }
        }
        ZygoteHooks.postForkCommon();
        if (pid < 0) {
            throw new IOException("fork failed");
        }
        return pid;
    }
}
