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
 * since there is no framework. Then it waits for lines from the zygote: "resume" (it comes to the
 * front: touch and verify the whole heap) or "quit".
 */
final class AppMain {
    /** Of every third class the methods are resolved too, as running code would. */
    private static final int RESOLVE_EVERY = 3;

    private AppMain() {}

    static void run(Application app, Line zygote) throws Exception {
        long start = System.nanoTime();
        List<Class<?>> classes = new ArrayList<>();
        ClassLoader loader = new PathClassLoader(app.dex, AppMain.class.getClassLoader());
        int missing = link(app.dex, loader, classes);
        Heap heap = new Heap(app.name, app.dex, app.heapKib);
        // What was garbage is given back before the application goes idle, as Android does.
        System.gc();
        zygote.write("launched classes=" + classes.size() + " unresolved=" + missing
                + " ms=" + (System.nanoTime() - start) / 1_000_000 + "\n");
        for (String line = zygote.read(); line != null; line = zygote.read()) {
            if (line.equals("quit")) {
                return;
            }
            zygote.write(resume(heap));
        }
    }

    private static int link(String dex, ClassLoader loader, List<Class<?>> classes)
            throws IOException {
        int missing = 0;
        DexFile file = new DexFile(dex);
        for (Enumeration<String> names = file.entries(); names.hasMoreElements(); ) {
            try {
                Class<?> linked = Class.forName(names.nextElement(), false, loader);
                if (classes.size() % RESOLVE_EVERY == 0) {
                    linked.getDeclaredMethods();
                }
                classes.add(linked);
            } catch (Throwable unresolved) {
                missing++; // refers to what the API stubs do not have
            }
        }
        return missing;
    }

    private static String resume(Heap heap) {
        long start = System.nanoTime();
        String broken = heap.verify();
        System.gc(); // of what was made to compare with
        String result = broken == null ? "ok" : "CORRUPT " + broken;
        return result + " ms=" + (System.nanoTime() - start) / 1_000_000 + "\n";
    }
}
