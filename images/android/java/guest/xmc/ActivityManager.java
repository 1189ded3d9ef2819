// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import android.system.Os;
import android.system.OsConstants;
import java.io.FileDescriptor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Which applications run, in the order of their last use, and what lmkd is told about them.
 *
 * <p>Commands: list, installed, start NAME, stop NAME|all, verify. The oom_score_adj values are
 * Android's: 0 in front, 700 for the one before, 900 and up for those cached.
 */
final class ActivityManager {
    private static final int ADJ_TOP = 0;
    private static final int ADJ_PREVIOUS = 700;
    private static final int ADJ_CACHED = 900;
    private static final int ADJ_CACHED_STEP = 10;
    private static final int ADJ_CACHED_MAX = 999;
    private static final int FIRST_APP_UID = 10_000;

    private final Map<String, Application> installed;
    private final LmkdClient lmkd = new LmkdClient();

    /** Last used first. */
    private final List<Process> running = new ArrayList<>();

    ActivityManager(Map<String, Application> installed) {
        this.installed = installed;
    }

    /**
     * Do what a command line says.
     *
     * @return lines for whoever asked
     */
    String execute(String command, FileDescriptor server, FileDescriptor client) throws Exception {
        String[] word = command.trim().split("\\s+");
        forgetDead();
        if (word[0].equals("list") && word.length == 1) {
            return list();
        }
        if (word[0].equals("installed") && word.length == 1) {
            StringBuilder names = new StringBuilder();
            for (String name : installed.keySet()) {
                names.append(name).append('\n');
            }
            return names.toString();
        }
        if (word[0].equals("start") && word.length == 2) {
            return start(word[1], server, client);
        }
        if (word[0].equals("stop") && word.length == 2) {
            return stop(word[1]);
        }
        if (word[0].equals("verify") && word.length == 1) {
            return verify();
        }
        return "error: usage: am list | installed | start NAME | stop NAME|all | verify\n";
    }

    private String list() {
        StringBuilder table = new StringBuilder("PID\tADJ\tRSS_KIB\tPSS_KIB\tDIRTY_KIB\tNAME\n");
        for (Process process : running) {
            try {
                Smaps maps = Smaps.of(Integer.toString(process.pid));
                table.append(process.pid).append('\t').append(process.adj).append('\t')
                        .append(maps.rss).append('\t').append(maps.pss).append('\t')
                        .append(maps.privateDirty).append('\t')
                        .append(process.app.name).append('\n');
            } catch (IOException endedJustNow) {
                // the next command does not list it
            }
        }
        return table.toString();
    }

    private String start(String name, FileDescriptor server, FileDescriptor client)
            throws Exception {
        Application app = installed.get(name);
        if (app == null) {
            return "error: not installed: " + name + "\n";
        }
        Process process = find(name);
        boolean cold = process == null;
        if (cold) {
            process = Zygote.start(app, inherited(server, client));
        } else {
            running.remove(process);
        }
        running.add(0, process);
        tellLmkd();
        if (!cold) {
            process.line.write("resume\n");
        }
        String answer = process.line.read();
        if (answer == null) {
            forgetDead();
            return "error: " + name + " died\n";
        }
        return (cold ? "cold " : "warm ") + name + " pid=" + process.pid + " " + answer + "\n";
    }

    /** All that the zygote has open, and an application must not have. */
    private FileDescriptor[] inherited(FileDescriptor server, FileDescriptor client) {
        List<FileDescriptor> open = new ArrayList<>();
        open.add(server);
        open.add(client);
        if (lmkd.socket() != null) {
            open.add(lmkd.socket());
        }
        for (Process process : running) {
            open.add(process.socket);
        }
        return open.toArray(new FileDescriptor[0]);
    }

    private String stop(String name) throws ErrnoException {
        StringBuilder stopped = new StringBuilder();
        for (Process process : new ArrayList<>(running)) {
            if (name.equals("all") || process.app.name.equals(name)) {
                Os.kill(process.pid, OsConstants.SIGKILL);
                process.close();
                running.remove(process);
                lmkd.remove(process.pid);
                stopped.append("stopped ").append(process.app.name).append('\n');
            }
        }
        tellLmkd();
        return stopped.length() == 0 ? "error: not running: " + name + "\n" : stopped.toString();
    }

    /** Every application verifies its heap, the order of use unchanged. */
    private String verify() throws Exception {
        StringBuilder answers = new StringBuilder();
        for (Process process : running) {
            process.line.tryWrite("resume\n");
            answers.append(process.app.name).append(' ').append(process.line.read()).append('\n');
        }
        return answers.toString();
    }

    private Process find(String name) {
        for (Process process : running) {
            if (process.app.name.equals(name)) {
                return process;
            }
        }
        return null;
    }

    private void forgetDead() {
        for (Iterator<Process> each = running.iterator(); each.hasNext(); ) {
            Process process = each.next();
            if (!process.isAlive()) {
                Log.i("zygote: " + process.app.name + " (" + process.pid + ") is gone");
                process.close();
                each.remove();
            }
        }
    }

    private void tellLmkd() {
        for (int i = 0; i < running.size(); i++) {
            Process process = running.get(i);
            process.adj = adjAt(i);
            lmkd.setPriority(process.pid, FIRST_APP_UID + process.pid, process.adj);
        }
    }

    private static int adjAt(int position) {
        if (position == 0) {
            return ADJ_TOP;
        }
        if (position == 1) {
            return ADJ_PREVIOUS;
        }
        return Math.min(ADJ_CACHED + (position - 2) * ADJ_CACHED_STEP, ADJ_CACHED_MAX);
    }
}
