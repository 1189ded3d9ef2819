// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * An application's own resources, decoded: entries of its APK (layouts, images, the table of
 * strings), or, where only its dex file is to be had, parts of that.
 */
final class Resources implements Closeable {
    /** Of an entry no more than so much is kept. */
    static final int MAX_BYTES = 16 << 10;

    private final ZipFile apk;
    private final List<String> entries = new ArrayList<>();
    private final RandomAccessFile dex;

    /** What decode() has decoded. */
    final byte[] bytes = new byte[MAX_BYTES];

    Resources(String code) throws IOException {
        if (!code.endsWith(".apk")) {
            apk = null;
            dex = new RandomAccessFile(code, "r");
            return;
        }
        dex = null;
        apk = new ZipFile(code);
        for (ZipEntry entry : Collections.list(apk.entries())) {
            if (!entry.isDirectory() && !entry.getName().endsWith(".dex")) {
                entries.add(entry.getName());
            }
        }
    }

    /**
     * Decode one into {@link #bytes}.
     *
     * @param index any number from 0; beyond the last resource they begin again
     * @return its length
     */
    int decode(int index) throws IOException {
        int length = 0;
        if (apk != null) {
            String name = entries.get(index % entries.size());
            try (InputStream in = apk.getInputStream(apk.getEntry(name))) {
                for (int got = 0; got >= 0 && length < MAX_BYTES; length += Math.max(got, 0)) {
                    got = in.read(bytes, length, MAX_BYTES - length);
                }
            }
        } else {
            dex.seek(index * 7L % Math.max(1, dex.length() / MAX_BYTES) * MAX_BYTES);
            length = Math.max(0, dex.read(bytes));
        }
        return length;
    }

    @Override
    public void close() throws IOException {
        if (apk != null) {
            apk.close();
        } else {
            dex.close();
        }
    }
}
