// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The data of an application: parsed records, bitmaps, and decoded resources.
 *
 * <p>Built from a seed and from the application's own package, so every check is against what the
 * generator makes again, not against a sum that lies in the same memory.
 */
final class Heap {
    /** A block of records takes about as much: RECORDS texts of PHRASES phrases of 28 letters. */
    private static final int BLOCK_KIB = 64;
    private static final int RECORDS = 80;
    private static final int PHRASES = 26;
    private static final int VOCABULARY_BITS = 10;
    private static final int PHRASE_LETTERS = 28;
    private static final int BITMAP_BITS = 6;
    private static final int BITMAP_SIDE = 1 << BITMAP_BITS;
    private static final int ARRAY_BYTES = 16;
    private static final int BITMAP_KIB = BITMAP_SIDE * BITMAP_SIDE * 4 / 1024;

    private final long seed;
    private final String code;
    private final String[] vocabulary;
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
            bitmaps.add(makeBitmap(i, new int[BITMAP_SIDE * BITMAP_SIDE]));
        }
        try (Resources own = new Resources(code)) {
            for (int i = 0, kept = 0; kept < sizeKib * 1024 / 6; i++) {
                byte[] resource = own.decode(i);
                resources.add(resource);
                // An array costs more than what it holds; so an end, if all are empty, too.
                kept += resource.length + ARRAY_BYTES;
            }
        }
    }

    /** Touch and check all of it. Returns null, or what is not as it was made. */
    String verify() {
        for (int i = 0; i < records.size(); i++) {
            if (!same(records.get(i), makeRecords(i))) {
                return "records " + i;
            }
        }
        int[] bitmap = new int[BITMAP_SIDE * BITMAP_SIDE];
        for (int i = 0; i < bitmaps.size(); i++) {
            if (!same(bitmaps.get(i), makeBitmap(i, bitmap), BITMAP_KIB << 10)) {
                return "bitmap " + i;
            }
        }
        try (Resources own = new Resources(code)) {
            for (int i = 0; i < resources.size(); i++) {
                byte[] kept = resources.get(i);
                byte[] made = own.decode(i);
                if (kept.length != made.length || !same(kept, made, kept.length)) {
                    return "resource " + i;
                }
            }
        } catch (IOException e) {
            return code + ": " + e;
        }
        return null;
    }

    /** Not by equals(), which is interpreted, letter by letter; compareTo() is native. */
    private static boolean same(Map<String, String> kept, Map<String, String> made) {
        for (Map.Entry<String, String> entry : made.entrySet()) {
            String text = kept.get(entry.getKey());
            if (text == null || text.compareTo(entry.getValue()) != 0) {
                return false;
            }
        }
        return kept.size() == made.size();
    }

    /** Of two arrays of primitives, both of at least so many bytes. */
    private static native boolean same(Object one, Object other, int bytes);

    /** Garbage as an application makes it that parses an answer, a block's worth. */
    Object garbage(int block) {
        return makeRecords(block);
    }

    /** What texts are made of; composing them from phrases is quick even when interpreted. */
    private String[] makeVocabulary() {
        Noise random = new Noise(seed);
        String[] made = new String[1 << VOCABULARY_BITS];
        for (int i = 0; i < made.length; i++) {
            StringBuilder phrase = new StringBuilder();
            while (phrase.length() < PHRASE_LETTERS) {
                phrase.append(Integer.toString(random.next(24), 36)).append(' ');
            }
            phrase.setLength(PHRASE_LETTERS);
            made[i] = phrase.toString();
        }
        return made;
    }

    /** What an application keeps of a parsed answer of its server. */
    private Map<String, String> makeRecords(int block) {
        Noise random = new Noise(seed * 31 + block);
        Map<String, String> made = new HashMap<>();
        for (int i = 0; i < RECORDS; i++) {
            StringBuilder text = new StringBuilder((PHRASES + 2) * PHRASE_LETTERS);
            text.append("{\"id\":").append(random.next()).append(",\"text\":\"");
            for (int phrase = 0; phrase < PHRASES; phrase++) {
                text.append(vocabulary[random.next(VOCABULARY_BITS)]);
            }
            made.put("item:" + block + ':' + i, text.append("\"}").toString());
        }
        return made;
    }

    /** An icon: a gradient from row to row, the same noise along each, and a few odd pixels. */
    private int[] makeBitmap(int index, int[] pixels) {
        Noise random = new Noise(seed * 37 + index);
        int base = random.next();
        for (int x = 0; x < BITMAP_SIDE; x++) {
            pixels[x] = 0xff000000 | (base + x * 0x020102 + random.next(4)) & 0xffffff;
        }
        for (int y = 1; y < BITMAP_SIDE; y++) {
            int row = y * BITMAP_SIDE;
            System.arraycopy(pixels, row - BITMAP_SIDE, pixels, row, BITMAP_SIDE);
            for (int changed = 0; changed < 4; changed++) {
                pixels[row + random.next(BITMAP_BITS)] = 0xff000000 | random.next();
            }
        }
        return pixels;
    }
}
