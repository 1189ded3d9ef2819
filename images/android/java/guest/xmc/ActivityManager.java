// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

import android.system.ErrnoException;
import java.io.FileDescriptor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Which applications run, in the order of their last use, and what lmkd is told about them.
 *
 * <p>The oom_score_adj values are Android's: 0 in front, 700 for the one before, 900 and up for
 * those cached.
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

    /** Since the zygote began. Gone: ended, and nobody had asked; lmkd's work, or a crash. */
    int coldStarts;
    int warmStarts;
    int gone;

    ActivityManager(Map<String, Application> installed) {
        this.installed = installed;
    }

    Iterable<String> installed() {
        return installed.keySet();
    }

    /** Those alive, last used first. */
    List<Process> running() throws ErrnoException {
        forgetDead();
        return Collections.unmodifiableList(running);
    }

    /** Bring to the front, from nothing if need be. */
    String start(String name, FileDescriptor... open) throws Exception {
        Application app = installed.get(name);
        if (app == null) {
            return "error: not installed: " + name + "\n";
        }
        long start = System.nanoTime();
        forgetDead();
        Process process = find(name);
        boolean cold = process == null;
        if (cold) {
            process = Zygote.start(app, inherited(open));
            coldStarts++;
        } else {
            running.remove(process);
            warmStarts++;
        }
        running.add(0, process);
        tellLmkd();
        String answer = cold ? process.answer() : ask(process, "resume");
        long ms = (System.nanoTime() - start) / 1_000_000;
        if (answer == null) {
            forgetDead();
            return "error: " + name + " died\n";
        }
        if (cold) {
            process.launchMs = ms;
        } else {
            process.switchMs = ms;
        }
        return prefix(answer) + (cold ? "cold " : "warm ") + name + " pid=" + process.pid
                + " total_ms=" + ms + " " + answer + "\n";
    }

    /** Every application verifies its heap, the order of use unchanged. */
    String verify() throws Exception {
        StringBuilder answers = new StringBuilder();
        for (Process process : new ArrayList<>(running())) {
            String answer = ask(process, "resume");
            if (answer != null) {
                answers.append(prefix(answer)).append(process.app.name).append(' ').append(answer)
                        .append('\n');
            }
        }
        return answers.length() == 0 ? "error: no application runs\n" : answers.toString();
    }

    /** What the application in front is to do: see AppMain. */
    String front(String order) throws Exception {
        if (running().isEmpty()) {
            return "error: no application runs\n";
        }
        Process process = running.get(0);
        String answer = ask(process, order);
        if (answer == null) {
            forgetDead();
            return "error: " + process.app.name + " died\n";
        }
        return prefix(answer) + process.app.name + " " + answer + "\n";
    }

    /** @param name of an application, or "all" */
    String stop(String name) throws ErrnoException {
        StringBuilder stopped = new StringBuilder();
        for (Process process : new ArrayList<>(running())) {
            if (name.equals("all") || process.app.name.equals(name)) {
                process.kill();
                process.close();
                running.remove(process);
                lmkd.remove(process.pid);
                stopped.append("stopped ").append(process.app.name).append('\n');
            }
        }
        tellLmkd();
        if (stopped.length() == 0) {
            return name.equals("all") ? "none ran\n" : "error: not running: " + name + "\n";
        }
        return stopped.toString();
    }

    /** All that the zygote has open, and its child must not have. */
    FileDescriptor[] inherited(FileDescriptor... open) {
        List<FileDescriptor> all = new ArrayList<>();
        Collections.addAll(all, open);
        if (lmkd.socket() != null) {
            all.add(lmkd.socket());
        }
        for (Process process : running) {
            all.add(process.socket);
        }
        return all.toArray(new FileDescriptor[0]);
    }

    /** Null when it died over it. */
    private static String ask(Process process, String order) throws Exception {
        process.line.tryWrite(order + "\n");
        return process.answer();
    }

    /** am fails when a line begins so. */
    private static String prefix(String answer) {
        return answer.startsWith("error:") ? "error: " : "";
    }

    private Process find(String name) {
        for (Process process : running) {
            if (process.app.name.equals(name)) {
                return process;
            }
        }
        return null;
    }

    private void forgetDead() throws ErrnoException {
        for (Iterator<Process> each = running.iterator(); each.hasNext(); ) {
            Process process = each.next();
            if (!process.isAlive()) {
                Log.i("zygote: " + process.app.name + " (" + process.pid + ") is gone");
                gone++;
                process.close();
                lmkd.remove(process.pid);
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
