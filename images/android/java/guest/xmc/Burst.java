// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import android.system.OsConstants;
import java.io.FileDescriptor;
import libcore.io.Memory;

/** Memory outside the Java heap that is needed at once and not for long: frames of a camera. */
final class Burst {
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int CHUNK_BYTES = 64 << 10;
    private static final int PAGE_BYTES = 4096;

    private Burst() {}

    /** Returns null, or what did not read back as it was written. */
    static String run(int kib) throws ErrnoException {
        long bytes = (long) kib << 10;
        long address = Os.mmap(0, bytes, OsConstants.PROT_READ | OsConstants.PROT_WRITE,
                OsConstants.MAP_PRIVATE | MAP_ANONYMOUS, new FileDescriptor(), 0);
        try {
            int[] chunk = new int[CHUNK_BYTES / 4];
            Noise random = new Noise(kib);
            for (int i = 0; i < chunk.length; i++) {
                chunk[i] = random.next();
            }
            for (long at = 0; at < bytes; at += CHUNK_BYTES) {
                int length = (int) Math.min(CHUNK_BYTES, bytes - at) / 4;
                Memory.pokeIntArray(address + at, chunk, 0, length, false);
                Memory.pokeLong(address + at, at, false);
            }
            for (long at = 0; at < bytes; at += PAGE_BYTES) {
                boolean first = at % CHUNK_BYTES == 0;
                long offset = at % CHUNK_BYTES;
                long found = first ? Memory.peekLong(address + at, false)
                        : Memory.peekInt(address + at, false);
                if (found != (first ? at : chunk[(int) (offset / 4)])) {
                    return "burst at " + at;
                }
            }
        } finally {
            Os.munmap(address, bytes);
        }
        return null;
    }
}
