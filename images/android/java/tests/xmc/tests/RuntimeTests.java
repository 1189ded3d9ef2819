// SPDX-License-Identifier: GPL-2.0-or-later

package xmc.tests;

import static xmc.tests.Main.check;
import static xmc.tests.Main.equal;

import dalvik.system.PathClassLoader;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Threads, garbage collector and class loader of ART. */
public final class RuntimeTests {
    private static final String APPLICATION = "/system/app/org.andstatus.app/classes.dex";

    private RuntimeTests() {}

    public static void threadsShareAndWait() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        ConcurrentHashMap<Integer, Integer> counts = new ConcurrentHashMap<>();
        int[] guarded = new int[1];
        List<Future<Integer>> results = new ArrayList<>();
        CountDownLatch together = new CountDownLatch(4);
        for (int worker = 0; worker < 4; worker++) {
            int own = worker;
            results.add(pool.submit(() -> {
                together.countDown();
                together.await();
                for (int i = 0; i < 1000; i++) {
                    counts.merge(i % 10, 1, Integer::sum);
                    synchronized (guarded) {
                        guarded[0]++;
                    }
                }
                return own;
            }));
        }
        int sum = 0;
        for (Future<Integer> result : results) {
            sum += result.get();
        }
        pool.shutdown();
        check(pool.awaitTermination(10, TimeUnit.SECONDS), "the pool ends");
        equal(6, sum);
        equal(4000, guarded[0]);
        equal(400, counts.get(3));
    }

    /** What lives on is moved several times, and stays as it was. */
    public static void collectionKeepsWhatLives() {
        Map<String, long[]> kept = new HashMap<>();
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < 1000; i++) {
                long[] block = new long[256];
                Arrays.fill(block, i);
                if (i % 10 == 0) {
                    kept.put(round + ":" + i, block);
                }
            }
            Runtime.getRuntime().gc();
        }
        equal(400, kept.size());
        for (Map.Entry<String, long[]> entry : kept.entrySet()) {
            long expected = Long.parseLong(entry.getKey().substring(2));
            for (long value : entry.getValue()) {
                check(value == expected, entry.getKey() + " holds " + value);
            }
        }
    }

    public static void collectionFindsWhatDied() throws Exception {
        ReferenceQueue<Object> queue = new ReferenceQueue<>();
        WeakReference<Object> dead = toNothing(queue);
        Object alive = new byte[1000];
        WeakReference<Object> living = new WeakReference<>(alive, queue);
        Runtime.getRuntime().gc(); // System's does nothing on Android, most times
        equal(dead, queue.remove(10_000));
        equal(null, dead.get());
        equal(alive, living.get());
    }

    /** A frame of its own: the interpreter's registers keep what they last held. */
    private static WeakReference<Object> toNothing(ReferenceQueue<Object> queue) {
        return new WeakReference<>(new byte[1000], queue);
    }

    public static void tooMuchIsAnError() {
        try {
            byte[] huge = new byte[200 << 20];
            check(false, "the heap has an end, and holds " + huge.length);
        } catch (OutOfMemoryError e) {
            check(e.getMessage().contains("Failed to allocate"), e.getMessage());
        }
    }

    /** Code of an application that its author compiled for Android. */
    public static void codeOfARealApplicationRuns() throws Exception {
        ClassLoader loader = new PathClassLoader(APPLICATION, RuntimeTests.class.getClassLoader());
        Class<?> strings = loader.loadClass("org.apache.commons.lang3.StringUtils");
        equal(loader, strings.getClassLoader());
        equal("dlrow", strings.getMethod("reverse", String.class).invoke(null, "world"));
        equal(3, strings
                .getMethod("getLevenshteinDistance", CharSequence.class, CharSequence.class)
                .invoke(null, "kitten", "sitting"));
        try {
            loader.loadClass("no.such.Name");
            check(false, "a class that is not there is not found");
        } catch (ClassNotFoundException e) {
            check(e.getMessage().contains("no.such.Name"), e.getMessage());
        }
    }
}
