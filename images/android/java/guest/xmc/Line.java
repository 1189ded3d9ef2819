// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import android.system.OsConstants;
import android.system.StructTimeval;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;

/** Lines of text over a descriptor, unbuffered: a fork in between loses nothing. */
final class Line {
    private static final int MAX_BYTES = 4096;

    private final FileDescriptor fd;

    Line(FileDescriptor fd) {
        this.fd = fd;
    }

    /** From now on reading fails with EAGAIN when for so long nothing came. */
    void limit(int seconds) throws ErrnoException {
        Os.setsockoptTimeval(fd, OsConstants.SOL_SOCKET, OsConstants.SO_RCVTIMEO,
                StructTimeval.fromMillis(seconds * 1000L));
    }

    /** The next line without its end, or null when the other side is gone. */
    String read() throws ErrnoException, InterruptedIOException {
        byte[] bytes = new byte[MAX_BYTES];
        int length = 0;
        while (length < MAX_BYTES && Os.read(fd, bytes, length, 1) == 1) {
            if (bytes[length] == '\n') {
                return new String(bytes, 0, length, StandardCharsets.UTF_8);
            }
            length++;
        }
        return length == 0 ? null : new String(bytes, 0, length, StandardCharsets.UTF_8);
    }

    void write(String text) throws ErrnoException, InterruptedIOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        for (int done = 0; done < bytes.length; ) {
            done += Os.write(fd, bytes, done, bytes.length - done);
        }
    }

    void tryWrite(String text) {
        try {
            write(text);
        } catch (ErrnoException | IOException gone) {
            // nobody is left to tell
        }
    }
}
