// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import java.io.BufferedReader;
import java.io.FileReader;
import java.io.IOException;

/** The kernel's sums over the mappings of a process, in KiB. */
final class Smaps {
    final int rss;
    final int pss;
    final int privateDirty;

    private Smaps(int rss, int pss, int privateDirty) {
        this.rss = rss;
        this.pss = pss;
        this.privateDirty = privateDirty;
    }

    /** @param pid a process id, or "self" */
    static Smaps of(String pid) throws IOException {
        int rss = 0;
        int pss = 0;
        int privateDirty = 0;
        try (BufferedReader lines =
                new BufferedReader(new FileReader("/proc/" + pid + "/smaps_rollup"))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("Rss:")) {
                    rss = kib(line);
                } else if (line.startsWith("Pss:")) {
                    pss = kib(line);
                } else if (line.startsWith("Private_Dirty:")) {
                    privateDirty = kib(line);
                }
            }
        }
        return new Smaps(rss, pss, privateDirty);
    }

    /** "Rss:   1234 kB" */
    private static int kib(String line) {
        int begin = line.indexOf(':') + 1;
        return Integer.parseInt(line.substring(begin, line.lastIndexOf(' ')).trim());
    }

    @Override
    public String toString() {
        return "rss " + rss + " pss " + pss + " private dirty " + privateDirty + " KiB";
    }
}
