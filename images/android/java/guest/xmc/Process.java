// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import android.system.OsConstants;
import android.system.StructPollfd;
import java.io.FileDescriptor;
import java.io.IOException;

/** An application that runs, as the zygote sees it. */
final class Process {
    /** One that has not answered for so long is taken for dead. */
    static final int ANSWER_S = 60;

    final Application app;
    final int pid;
    final FileDescriptor socket;
    final Line line;

    /** Position for the low memory killer, set by ActivityManager. */
    int adj;

    /** Milliseconds from the command until it was launched, and until it was last in front. */
    long launchMs;
    long switchMs;

    private boolean killed;

    Process(Application app, int pid, FileDescriptor socket) {
        this.app = app;
        this.pid = pid;
        this.socket = socket;
        this.line = new Line(socket);
    }

    /** It has its end of the socket open: the pid may be a zombie's, or another's by now. */
    boolean isAlive() throws ErrnoException {
        StructPollfd end = new StructPollfd();
        end.fd = socket;
        Os.poll(new StructPollfd[] {end}, 0);
        return !killed && (end.revents & OsConstants.POLLHUP) == 0;
    }

    /** Its next answer; null when it died over it, or is ended for not answering. */
    String answer() throws ErrnoException, IOException {
        try {
            return line.read();
        } catch (ErrnoException e) {
            Log.e("zygote: " + app.name + " (" + pid + ") does not answer: " + e);
            if (e.errno == OsConstants.EAGAIN) {
                // What it says later would be taken for the answer to the next order.
                kill();
            }
            return null;
        }
    }

    /** Whether or not it is there any more. */
    void kill() throws ErrnoException {
        killed = true;
        try {
            Os.kill(pid, OsConstants.SIGKILL);
        } catch (ErrnoException e) {
            if (e.errno != OsConstants.ESRCH) {
                throw e;
            }
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
