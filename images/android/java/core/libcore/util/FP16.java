// SPDX-License-Identifier: GPL-2.0-or-later

package libcore.util;

/**
 * Half-precision floats; ART 11 has intrinsics for these methods and looks the class up at start.
 *
 * <p>AOSP 10, whose core library this is part of, does not have the class yet.
 */
public final class FP16 {
    private static final int EXPONENT_SHIFT = 10;
    private static final int EXPONENT_MASK = 0x1f;
    private static final int SIGNIFICAND_MASK = 0x3ff;
    private static final int EXPONENT_BIAS = 15;
    private static final float SUBNORMAL_UNIT = 0x1p-24f;

    private FP16() {}

    public static float toFloat(short half) {
        int bits = half & 0xffff;
        int exponent = (bits >>> EXPONENT_SHIFT) & EXPONENT_MASK;
        int significand = bits & SIGNIFICAND_MASK;
        float value;
        if (exponent == 0) {
            value = significand * SUBNORMAL_UNIT;
        } else if (exponent == EXPONENT_MASK) {
            value = significand == 0 ? Float.POSITIVE_INFINITY : Float.NaN;
        } else {
            value = (float) ((1 + significand / 1024.0) * Math.pow(2, exponent - EXPONENT_BIAS));
        }
        return (bits & 0x8000) == 0 ? value : -value;
    }

    public static short toHalf(float value) {
        int bits = Float.floatToRawIntBits(value);
        int sign = (bits >>> 16) & 0x8000;
        int exponent = ((bits >>> 23) & 0xff) - 112;
        int significand = bits & 0x7fffff;
        if (exponent >= EXPONENT_MASK) {
            return (short) (sign | (Float.isNaN(value) ? 0x7e00 : 0x7c00));
        }
        if (exponent > 0) {
            return (short) (sign | (exponent << EXPONENT_SHIFT) | (significand >> 13));
        }
        if (exponent < -10) {
            return (short) sign;
        }
        return (short) (sign | ((significand | 0x800000) >> (14 - exponent)));
    }

    public static short floor(short half) {
        return toHalf((float) Math.floor(toFloat(half)));
    }

    public static short ceil(short half) {
        return toHalf((float) Math.ceil(toFloat(half)));
    }

    public static short rint(short half) {
        return toHalf((float) Math.rint(toFloat(half)));
    }

    public static boolean less(short left, short right) {
        return toFloat(left) < toFloat(right);
    }

    public static boolean lessEquals(short left, short right) {
        return toFloat(left) <= toFloat(right);
    }

    public static boolean greater(short left, short right) {
        return toFloat(left) > toFloat(right);
    }

    public static boolean greaterEquals(short left, short right) {
        return toFloat(left) >= toFloat(right);
    }

    public static int compare(short left, short right) {
        return Float.compare(toFloat(left), toFloat(right));
    }

    public static short min(short left, short right) {
        return toHalf(Math.min(toFloat(left), toFloat(right)));
    }

    public static short max(short left, short right) {
        return toHalf(Math.max(toFloat(left), toFloat(right)));
    }
}
