/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ART 11 loads libicu_jni.so at start. In AOSP 10, whose core library this guest has, its natives
 * are in libjavacore: nothing is left to register.
 */
#include <jni.h>

jint JNI_OnLoad(JavaVM *vm, void *reserved)
{
    (void)vm;
    (void)reserved;
    return JNI_VERSION_1_6;
}
