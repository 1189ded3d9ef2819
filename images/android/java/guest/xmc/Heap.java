// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The data of an application: parsed records, bitmaps, and decoded resources.
 *
 * <p>Built from a seed and from the application's own package, so every check is against what the
 * generator makes again, not against a sum that lies in the same memory. The generator and the
 * comparison are native (native/art/heap.c): no garbage is made by verifying.
 */
final class Heap {
    /** A block of records takes about as much: RECORDS texts of some 750 letters. */
    private static final int BLOCK_KIB = 64;
    private static final int RECORDS = 80;
    private static final int VOCABULARY = 1024;
    private static final int PHRASE_LETTERS = 28;
    private static final int BITMAP_PIXELS = 64 * 64;
    private static final int ARRAY_BYTES = 16;
    private static final int BITMAP_KIB = BITMAP_PIXELS * 4 / 1024;

    private final long seed;
    private final String code;
    private final byte[] vocabulary;
    private final List<Map<String, String>> records = new ArrayList<>();
    private final List<int[]> bitmaps = new ArrayList<>();
    private final List<byte[]> resources = new ArrayList<>();

    Heap(String name, String code, int sizeKib) throws IOException {
        this.seed = name.hashCode();
        this.code = code;
        this.vocabulary = makeVocabulary();
        // Half records, a third bitmaps, a sixth resources.
        for (int i = 0; i < sizeKib / 2 / BLOCK_KIB; i++) {
            records.add(makeRecords(i));
        }
        for (int i = 0; i < sizeKib / 3 / BITMAP_KIB; i++) {
            int[] bitmap = new int[BITMAP_PIXELS];
            makeBitmap(bitmap, bitmapSeed(i));
            bitmaps.add(bitmap);
        }
        try (Resources own = new Resources(code)) {
            for (int i = 0, kept = 0; kept < sizeKib * 1024 / 6; i++) {
                byte[] resource = new byte[own.decode(i)];
                System.arraycopy(own.bytes, 0, resource, 0, resource.length);
                resources.add(resource);
                // An array costs more than what it holds; so an end, if all are empty, too.
                kept += resource.length + ARRAY_BYTES;
            }
        }
    }

    /** Touch and check all of it. Returns null, or what is not as it was made. */
    String verify() {
        for (int i = 0; i < records.size(); i++) {
            if (!sameRecords(records.get(i), i)) {
                return "records " + i;
            }
        }
        for (int i = 0; i < bitmaps.size(); i++) {
            if (!sameBitmap(bitmaps.get(i), bitmapSeed(i))) {
                return "bitmap " + i;
            }
        }
        try (Resources own = new Resources(code)) {
            for (int i = 0; i < resources.size(); i++) {
                if (!sameBytes(resources.get(i), own.bytes, own.decode(i))) {
                    return "resource " + i;
                }
            }
        } catch (IOException e) {
            return code + ": " + e;
        }
        return null;
    }

    /** Garbage as an application makes it that parses an answer, a block's worth. */
    Object garbage(int block) {
        return makeRecords(block);
    }

    /** What texts are made of. */
    private byte[] makeVocabulary() {
        Noise random = new Noise(seed);
        StringBuilder made = new StringBuilder(VOCABULARY * PHRASE_LETTERS + PHRASE_LETTERS);
        for (int end = PHRASE_LETTERS; end <= VOCABULARY * PHRASE_LETTERS; end += PHRASE_LETTERS) {
            while (made.length() < end) {
                made.append(Integer.toString(random.next(24), 36)).append(' ');
            }
            made.setLength(end);
        }
        return made.toString().getBytes(StandardCharsets.US_ASCII);
    }

    private Map<String, String> makeRecords(int block) {
        Map<String, String> made = new LinkedHashMap<>();
        for (int i = 0; i < RECORDS; i++) {
            made.put(makeKey(block, i), makeText(vocabulary, recordSeed(block, i)));
        }
        return made;
    }

    /** Every entry, in the order in which they were put. */
    private boolean sameRecords(Map<String, String> kept, int block) {
        int i = 0;
        for (Map.Entry<String, String> entry : kept.entrySet()) {
            if (!sameRecord(entry.getKey(), block, i, entry.getValue(), vocabulary,
                    recordSeed(block, i))) {
                return false;
            }
            i++;
        }
        return i == RECORDS;
    }

    private long recordSeed(int block, int index) {
        return (seed * 31 + block) * RECORDS + index;
    }

    private long bitmapSeed(int index) {
        return seed * 37 + index;
    }

    private static native String makeKey(int block, int index);

    private static native String makeText(byte[] vocabulary, long seed);

    /** Whether key and text are what makeKey() and makeText() make. */
    private static native boolean sameRecord(String key, int block, int index, String text,
            byte[] vocabulary, long seed);

    private static native void makeBitmap(int[] pixels, long seed);

    private static native boolean sameBitmap(int[] kept, long seed);

    /** Whether kept has so many bytes, those that made begins with. */
    private static native boolean sameBytes(byte[] kept, byte[] made, int bytes);
}
