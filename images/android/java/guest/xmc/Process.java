// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import java.io.FileDescriptor;

/** An application that runs, as the zygote sees it. */
final class Process {
    final Application app;
    final int pid;
    final FileDescriptor socket;
    final Line line;

    /** Position for the low memory killer, set by ActivityManager. */
    int adj;

    /** Milliseconds from the command until it was launched, and until it was last in front. */
    long launchMs;
    long switchMs;

    Process(Application app, int pid, FileDescriptor socket) {
        this.app = app;
        this.pid = pid;
        this.socket = socket;
        this.line = new Line(socket);
    }

    boolean isAlive() {
        try {
            Os.kill(pid, 0);
            return true;
        } catch (ErrnoException gone) {
            return false;
        }
    }

    void close() {
        try {
            Os.close(socket);
        } catch (ErrnoException closed) {
            // it is gone either way
        }
    }
}
