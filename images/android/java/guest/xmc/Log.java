// SPDX-License-Identifier: GPL-2.0-or-later

package xmc;

/** Messages of the zygote and its applications: init sends standard output to a file. */
final class Log {
    private Log() {}

    static void i(String message) {
        System.out.println("I " + message);
        System.out.flush();
    }

    static void e(String message) {
        System.out.println("E " + message);
        System.out.flush();
    }
}
