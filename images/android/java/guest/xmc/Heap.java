// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.zip.CRC32;

/**
 * The data of an application: parsed records, bitmaps, and raw resources.
 *
 * <p>Built from a seed and from the application's own dex file, so every check is against what the
 * generator makes again, not against a sum that lies in the same memory.
 */
final class Heap {
    private static final int RECORD_KIB = 64; // a block of records, roughly
    private static final int RECORDS = 160;
    private static final int BITMAP_PIXELS = 64 * 64;
    private static final int RESOURCE_BYTES = 16 << 10;

    private final long seed;
    private final String dex;
    private final List<Map<String, String>> records = new ArrayList<>();
    private final List<int[]> bitmaps = new ArrayList<>();
    private final List<byte[]> resources = new ArrayList<>();

    Heap(String name, String dex, int sizeKib) throws IOException {
        this.seed = name.hashCode();
        this.dex = dex;
        // Half records, a third bitmaps, a sixth resources.
        for (int i = 0; i < sizeKib / 2 / RECORD_KIB; i++) {
            records.add(makeRecords(i));
        }
        for (int i = 0; i < sizeKib / 3 * 1024 / (BITMAP_PIXELS * 4); i++) {
            bitmaps.add(makeBitmap(i));
        }
        try (RandomAccessFile file = new RandomAccessFile(dex, "r")) {
            for (int i = 0; i < sizeKib / 6 * 1024 / RESOURCE_BYTES; i++) {
                resources.add(makeResource(file, i));
            }
        }
    }

    /** Touch and check all of it. Returns null, or what is not as it was made. */
    String verify() {
        for (int i = 0; i < records.size(); i++) {
            if (!records.get(i).equals(makeRecords(i))) {
                return "records " + i;
            }
        }
        for (int i = 0; i < bitmaps.size(); i++) {
            if (!java.util.Arrays.equals(bitmaps.get(i), makeBitmap(i))) {
                return "bitmap " + i;
            }
        }
        try (RandomAccessFile file = new RandomAccessFile(dex, "r")) {
            for (int i = 0; i < resources.size(); i++) {
                if (!java.util.Arrays.equals(resources.get(i), makeResource(file, i))) {
                    return "resource " + i;
                }
            }
        } catch (IOException e) {
            return "dex file: " + e;
        }
        return null;
    }

    /** What an application keeps of a parsed answer of its server. */
    private Map<String, String> makeRecords(int block) {
        Random random = new Random(seed * 31 + block);
        Map<String, String> made = new HashMap<>();
        for (int i = 0; i < RECORDS; i++) {
            StringBuilder text = new StringBuilder("{\"id\":").append(random.nextInt());
            text.append(",\"user\":\"user").append(random.nextInt(1000));
            text.append("\",\"text\":\"");
            for (int word = 0; word < 24; word++) {
                text.append(Integer.toString(random.nextInt(40_000), 36)).append(' ');
            }
            made.put("item:" + block + ':' + i, text.append("\"}").toString());
        }
        return made;
    }

    /** An icon: a few flat colours, a gradient, some noise. */
    private int[] makeBitmap(int index) {
        Random random = new Random(seed * 37 + index);
        int base = random.nextInt();
        int[] pixels = new int[BITMAP_PIXELS];
        for (int i = 0; i < pixels.length; i++) {
            int shade = (i >> 6) * 2;
            int noise = (i & 7) == 0 ? random.nextInt(16) : 0;
            pixels[i] = 0xff000000 | (base + shade * 0x010101 + noise) & 0xffffff;
        }
        return pixels;
    }

    private byte[] makeResource(RandomAccessFile file, int index) throws IOException {
        byte[] bytes = new byte[RESOURCE_BYTES];
        long blocks = Math.max(1, file.length() / RESOURCE_BYTES);
        file.seek(index * 7L % blocks * RESOURCE_BYTES);
        int length = file.read(bytes);
        CRC32 sum = new CRC32();
        sum.update(bytes, 0, Math.max(length, 0));
        bytes[0] = (byte) sum.getValue();
        return bytes;
    }
}
