// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import dalvik.system.DexFile;
import dalvik.system.PathClassLoader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;

/**
 * Main loop of an application process.
 *
 * <p>It links the classes of a real dex file and builds a heap of data; its activities do not run,
 * since there is no framework. Then it waits for lines from the zygote, and answers each with one:
 *
 * <pre>
 * resume         it comes to the front: touch and verify the whole heap
 * burst KIB      take, fill, check and give back so much beside it, as a camera does
 * churn SECONDS  make garbage as fast as it can, then verify
 * </pre>
 */
final class AppMain {
    /** Of every third class the methods are resolved too, as running code would. */
    private static final int RESOLVE_EVERY = 3;

    private final Application app;
    private final List<Class<?>> classes = new ArrayList<>();
    private Heap heap;

    /** A field, so that nobody may leave its making out. */
    private Object garbage;

    private AppMain(Application app) {
        this.app = app;
    }

    static void run(Application app, Line zygote) throws Exception {
        AppMain main = new AppMain(app);
        zygote.write(main.launch());
        for (String line = zygote.read(); line != null; line = zygote.read()) {
            zygote.write(main.answer(line.split(" ")));
        }
    }

    private String launch() throws Exception {
        long start = System.nanoTime();
        ClassLoader loader = new PathClassLoader(app.code, AppMain.class.getClassLoader());
        int missing = link(loader);
        heap = new Heap(app.name, app.code, app.heapKib);
        // What was garbage is given back before the application goes idle, as Android does.
        // (System's gc() does nothing on Android, most times.)
        Runtime.getRuntime().gc();
        return "classes=" + classes.size() + " unresolved=" + missing + " ms=" + since(start)
                + "\n";
    }

    private int link(ClassLoader loader) throws IOException {
        int missing = 0;
        DexFile file = new DexFile(app.code);
        for (Enumeration<String> names = file.entries(); names.hasMoreElements(); ) {
            try {
                Class<?> linked = Class.forName(names.nextElement(), false, loader);
                if (classes.size() % RESOLVE_EVERY == 0) {
                    linked.getDeclaredMethods();
                }
                classes.add(linked);
            } catch (LinkageError | ClassNotFoundException unresolved) {
                missing++; // refers to what the API stubs do not have
            }
        }
        return missing;
    }

    private String answer(String[] word) throws Exception {
        long start = System.nanoTime();
        String broken;
        String more = "";
        switch (word[0]) {
            case "resume":
                broken = heap.verify();
                break;
            case "burst":
                broken = Burst.run(Integer.parseInt(word[1]));
                break;
            case "churn":
                more = " blocks=" + churn(Integer.parseInt(word[1]));
                Runtime.getRuntime().gc(); // verifying makes none
                broken = heap.verify();
                break;
            default:
                return "error: not understood: " + word[0] + "\n";
        }
        String result = broken == null ? "ok" : "error: CORRUPT " + broken;
        return result + more + " ms=" + since(start) + "\n";
    }

    private int churn(int seconds) {
        long end = System.nanoTime() + seconds * 1_000_000_000L;
        int blocks = 0;
        while (System.nanoTime() < end) {
            garbage = heap.garbage(blocks++);
        }
        garbage = null;
        return blocks;
    }

    private static long since(long start) {
        return (System.nanoTime() - start) / 1_000_000;
    }
}
