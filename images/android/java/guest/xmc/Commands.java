// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import java.io.FileDescriptor;
import java.io.IOException;

/**
 * Command lines as Android has them, each with the name of its program first. An answer that does
 * not say what was asked for begins with "error:".
 */
final class Commands {
    private static final String USAGE = "error: usage: am start NAME | stop NAME|all | stack list"
            + " | verify | burst KIB | churn SECONDS | instrument; pm list packages;"
            + " dumpsys meminfo | activity\n";

    /** It collects its garbage and verifies afterwards, before it answers. */
    private static final int LONGEST_CHURN_S = Process.ANSWER_S / 2;

    private final ActivityManager manager;

    Commands(ActivityManager manager) {
        this.manager = manager;
    }

    /**
     * Do what a command line says.
     *
     * @return lines for whoever asked; null when another process will tell
     */
    String execute(String line, FileDescriptor server, FileDescriptor client) throws Exception {
        String[] word = line.trim().split("\\s+");
        String verb = word.length < 2 ? word[0] : word[0] + ' ' + word[1];
        if (word.length == 3) {
            switch (verb) {
                case "am start":
                    return manager.start(word[2], server, client);
                case "am stop":
                case "am force-stop":
                    return manager.stop(word[2]);
                case "am stack":
                    return word[2].equals("list") ? stack() : USAGE;
                case "am burst":
                    return manager.front("burst " + Integer.parseInt(word[2]));
                case "am churn":
                    return churn(Integer.parseInt(word[2]));
                case "pm list":
                    return word[2].equals("packages") ? packages() : USAGE;
                default:
                    return USAGE;
            }
        }
        switch (word.length == 2 ? verb : "") {
            case "am verify":
                return manager.verify();
            case "am instrument":
                Zygote.instrument(client, manager.inherited(server));
                return null;
            case "dumpsys meminfo":
                return meminfo();
            case "dumpsys activity":
                return activity();
            default:
                return USAGE;
        }
    }

    private String churn(int seconds) throws Exception {
        if (seconds > LONGEST_CHURN_S) {
            return "error: churn takes at most " + LONGEST_CHURN_S + " seconds\n";
        }
        return manager.front("churn " + seconds);
    }

    private String packages() {
        StringBuilder names = new StringBuilder();
        for (String name : manager.installed()) {
            names.append("package:").append(name).append('\n');
        }
        return names.toString();
    }

    private String stack() throws ErrnoException {
        StringBuilder table = new StringBuilder("PID\tADJ\tNAME\n");
        for (Process process : manager.running()) {
            table.append(process.pid).append('\t').append(process.adj).append('\t')
                    .append(process.app.name).append('\n');
        }
        return table.toString();
    }

    private String activity() throws ErrnoException {
        StringBuilder table = new StringBuilder("PID\tADJ\tLAUNCH_MS\tSWITCH_MS\tNAME\n");
        for (Process process : manager.running()) {
            table.append(process.pid).append('\t').append(process.adj).append('\t')
                    .append(process.launchMs).append('\t').append(process.switchMs).append('\t')
                    .append(process.app.name).append('\n');
        }
        return table.append("cold ").append(manager.coldStarts).append(" warm ")
                .append(manager.warmStarts).append(" gone ").append(manager.gone).append('\n')
                .toString();
    }

    private String meminfo() throws ErrnoException {
        StringBuilder table = new StringBuilder("PID\tADJ\tRSS_KIB\tPSS_KIB\tDIRTY_KIB\tNAME\n");
        for (Process process : manager.running()) {
            append(table, Integer.toString(process.pid), process.adj, process.app.name);
        }
        append(table, "self", -1000, "zygote");
        return table.toString();
    }

    private static void append(StringBuilder table, String pid, int adj, String name) {
        try {
            Smaps maps = Smaps.of(pid);
            table.append(pid).append('\t').append(adj).append('\t').append(maps.rss).append('\t')
                    .append(maps.pss).append('\t').append(maps.privateDirty).append('\t')
                    .append(name).append('\n');
        } catch (IOException endedJustNow) {
            // the next command does not list it
        }
    }
}
