// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import android.system.OsConstants;
import android.system.UnixSocketAddress;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileReader;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Speaks AOSP's protocol to lmkd: packets of big-endian words, the first is the command. */
final class LmkdClient {
    private static final String SOCKET = "/dev/socket/lmkd";
    private static final int LMK_TARGET = 0;
    private static final int LMK_PROCPRIO = 1;
    private static final int LMK_PROCREMOVE = 2;
    private static final int LMK_PROCPURGE = 3;

    /**
     * When less than this share of memory (1/1000) is free and cached, processes of that
     * oom_score_adj and above may be killed. Android's table for the smallest device it has one
     * for, of 350 MB: 12, 18, 24, 36, 42 and 48 MiB.
     */
    private static final int[][] TARGETS = {
        {34, 0}, {51, 100}, {69, 200}, {103, 250}, {120, 900}, {137, 950},
    };

    private FileDescriptor socket;

    /** Open descriptor, or null. */
    FileDescriptor socket() {
        return socket;
    }

    void setPriority(int pid, int uid, int adj) {
        send(LMK_PROCPRIO, pid, uid, adj);
    }

    void remove(int pid) {
        send(LMK_PROCREMOVE, pid);
    }

    /** A lmkd that restarted is found again; without one the order is told next time. */
    private void send(int... words) {
        for (int attempt = 0; attempt < 2; attempt++) {
            try {
                if (socket == null) {
                    connect();
                }
                write(words);
                return;
            } catch (ErrnoException | IOException e) {
                Log.e("zygote: lmkd: " + e);
                close();
            }
        }
    }

    private void connect() throws ErrnoException, IOException {
        socket = Os.socket(OsConstants.AF_UNIX, OsConstants.SOCK_SEQPACKET, 0);
        Os.connect(socket, UnixSocketAddress.createFileSystem(SOCKET));
        write(LMK_PROCPURGE); // what a zygote before this one told it: those pids may be others' now
        int[] words = new int[1 + 2 * TARGETS.length];
        int pages = memoryPages();
        words[0] = LMK_TARGET;
        for (int i = 0; i < TARGETS.length; i++) {
            words[1 + 2 * i] = (int) ((long) pages * TARGETS[i][0] / 1000);
            words[2 + 2 * i] = TARGETS[i][1];
        }
        write(words);
    }

    private void write(int... words) throws ErrnoException, IOException {
        ByteBuffer packet = ByteBuffer.allocate(4 * words.length);
        for (int word : words) {
            packet.putInt(word);
        }
        Os.write(socket, packet.array(), 0, packet.capacity());
    }

    private void close() {
        if (socket != null) {
            try {
                Os.close(socket);
            } catch (ErrnoException closed) {
                // it is gone either way
            }
            socket = null;
        }
    }

    private static int memoryPages() throws IOException {
        try (BufferedReader lines = new BufferedReader(new FileReader("/proc/meminfo"))) {
            String total = lines.readLine(); // "MemTotal:   95132 kB"
            return Integer.parseInt(total.replaceAll("[^0-9]", "")) / 4;
        }
    }
}
