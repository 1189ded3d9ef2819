// SPDX-License-Identifier: GPL-2.0-or-later

package xmc.tests;

import static xmc.tests.Main.check;
import static xmc.tests.Main.equal;

import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What the interpreter does. */
public final class LanguageTests {
    private interface Shape {
        double area();

        default String name() {
            return "shape of " + Math.round(area());
        }
    }

    private static int touched = 7;

    private LanguageTests() {}

    public static void lambdasAndMethodReferences() {
        int base = 40;
        Function<Integer, Integer> add = x -> x + base;
        Supplier<List<String>> words = () -> Arrays.asList("b", "a");
        equal(42, add.andThen(x -> x + 1).apply(1));
        equal("[a, b]", words.get().stream().sorted(String::compareTo).collect(Collectors.toList())
                .toString());
        equal(166833, IntStream.range(0, 1000).filter(i -> i % 3 == 0).sum());
    }

    public static void interfacesWithDefaultMethods() {
        Shape square = () -> 4.4;
        equal("shape of 4", square.name());
    }

    public static void exceptionsAndFinally() {
        StringBuilder trace = new StringBuilder();
        try {
            try {
                Object text = "text";
                trace.append((Integer) text);
            } finally {
                trace.append("finally ");
            }
        } catch (ClassCastException e) {
            trace.append(e.getStackTrace()[0].getMethodName());
        }
        equal("finally exceptionsAndFinally", trace.toString());
    }

    public static void nullsBoundsAndDivisionsAreChecked() {
        String nothing = touched == 7 ? null : "";
        int[] three = new int[3];
        int caught = 0;
        try {
            nothing.length();
        } catch (NullPointerException e) {
            caught++;
        }
        try {
            three[touched] = 1;
        } catch (ArrayIndexOutOfBoundsException e) {
            caught++;
        }
        try {
            caught += 1 / three[0];
        } catch (ArithmeticException e) {
            caught++;
        }
        equal(3, caught);
    }

    public static void endlessRecursionIsCaught() {
        try {
            depth(0);
            check(false, "the stack has an end");
        } catch (StackOverflowError e) {
            equal(5, Integer.bitCount(31));
        }
    }

    private static int depth(int level) {
        return depth(level + 1) + 1;
    }

    public static void arithmetic() {
        long mixed = 0;
        for (int i = 0; i < 100_000; i++) {
            mixed = mixed * 31 + (i ^ mixed >>> 7);
        }
        // the same loop on OpenJDK 17
        equal(501894478318939524L, mixed);
        equal(Integer.MIN_VALUE, Integer.MAX_VALUE + Integer.parseInt("1"));
        equal("0x1.921fb54442d18p1", Double.toHexString(Math.PI));
        equal(3, (int) 3.99f);
    }

    public static void reflection() throws Exception {
        Field field = LanguageTests.class.getDeclaredField("touched");
        field.setAccessible(true);
        equal(7, field.getInt(null));
        Shape shape = (Shape) Proxy.newProxyInstance(LanguageTests.class.getClassLoader(),
                new Class<?>[] {Shape.class}, (proxy, method, arguments) -> 2.0);
        equal(2.0, shape.area());
    }
}
