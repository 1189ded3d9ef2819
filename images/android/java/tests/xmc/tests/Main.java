// SPDX-License-Identifier: GPL-2.0-or-later

package xmc.tests;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Does this guest do what Android's runtime does? Each public static method of the classes below
 * is a test. A line for each: "ok NAME ms=N", or "error: NAME: why".
 */
public final class Main {
    private static final Class<?>[] TESTS = {
        LanguageTests.class, LibraryTests.class, RuntimeTests.class, SystemTests.class,
    };

    private Main() {}

    /** Called by the zygote's child; the descriptor leads to whoever asked. */
    public static void run(FileDescriptor to) {
        PrintStream out = new PrintStream(new FileOutputStream(to), true);
        int failed = 0;
        int count = 0;
        for (Class<?> tests : TESTS) {
            Method[] methods = tests.getMethods();
            Arrays.sort(methods, Comparator.comparing(Method::getName));
            for (Method method : methods) {
                if (method.getDeclaringClass() == tests && method.getParameterCount() == 0) {
                    count++;
                    failed += run(method, out) ? 0 : 1;
                }
            }
        }
        out.println((failed == 0 ? "" : "error: ") + count + " tests, " + failed + " failed");
    }

    private static boolean run(Method test, PrintStream out) {
        long start = System.nanoTime();
        try {
            test.invoke(null);
        } catch (InvocationTargetException e) {
            out.println("error: " + test.getName() + ": " + e.getCause());
            e.getCause().printStackTrace();
            return false;
        } catch (IllegalAccessException e) {
            throw new AssertionError(e);
        }
        out.println("ok " + test.getName() + " ms=" + (System.nanoTime() - start) / 1_000_000);
        return true;
    }

    static void equal(Object expected, Object found) {
        if (expected == null ? found != null : !expected.equals(found)) {
            throw new AssertionError("expected " + expected + ", found " + found);
        }
    }

    static void check(boolean holds, String claim) {
        if (!holds) {
            throw new AssertionError("not so: " + claim);
        }
    }
}
