// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

/** Numbers from a seed (xorshift64*), cheap enough for an interpreter; java.util.Random is not. */
final class Noise {
    private long state;

    Noise(long seed) {
        state = seed * 0x9e3779b97f4a7c15L | 1;
    }

    int next() {
        state ^= state >>> 12;
        state ^= state << 25;
        state ^= state >>> 27;
        return (int) ((state * 0x2545f4914f6cdd1dL) >>> 32);
    }

    /** @param bits how many of them are random, at most 31 */
    int next(int bits) {
        return next() >>> (32 - bits);
    }
}
