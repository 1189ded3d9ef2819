// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/** What is installed: a line "NAME CODE HEAP_KIB" of the image's list. */
final class Application {
    final String name;

    /** Path of its dex file, or of its APK. */
    final String code;

    /** Size of the data that the application builds and keeps. */
    final int heapKib;

    private Application(String name, String code, int heapKib) {
        this.name = name;
        this.code = code;
        this.heapKib = heapKib;
    }

    static Map<String, Application> readAll(String file) throws IOException {
        Map<String, Application> found = new LinkedHashMap<>();
        try (BufferedReader lines = new BufferedReader(new FileReader(file))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.isEmpty() || line.startsWith("#")) {
                    continue;
                }
                String[] field = line.trim().split("\\s+");
                if (field.length != 3) {
                    throw new IOException(file + ": not NAME CODE HEAP_KIB: " + line);
                }
                found.put(field[0],
                        new Application(field[0], field[1], Integer.parseInt(field[2])));
            }
        }
        return found;
    }
}
