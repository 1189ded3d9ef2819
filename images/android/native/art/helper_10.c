/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that AOSP 10's core library wants from libnativehelper and that its newer version,
 * which Debian's sources have, gave up or renamed.
 */
#include <jni.h>
#include <stdio.h>
#include <string.h>

/* file_descriptor_jni.c of libnativehelper */
jobject AFileDescriptor_create(JNIEnv *env);
int AFileDescriptor_getFd(JNIEnv *env, jobject descriptor);
void AFileDescriptor_setFd(JNIEnv *env, jobject descriptor, int fd);

jobject jniCreateFileDescriptor(JNIEnv *env, int fd);
int jniGetFDFromFileDescriptor(JNIEnv *env, jobject descriptor);
void jniSetFileDescriptorOfFD(JNIEnv *env, jobject descriptor, int value);
const char *jniStrError(int number, char *text, size_t size);
jobjectArray newStringArray(JNIEnv *env, size_t count);
jobjectArray toStringArray(JNIEnv *env, const char *const *strings);

jobject jniCreateFileDescriptor(JNIEnv *env, int fd)
{
    jobject descriptor = AFileDescriptor_create(env);

    if (descriptor)
        AFileDescriptor_setFd(env, descriptor, fd);
    return descriptor;
}

int jniGetFDFromFileDescriptor(JNIEnv *env, jobject descriptor)
{
    return descriptor ? AFileDescriptor_getFd(env, descriptor) : -1;
}

void jniSetFileDescriptorOfFD(JNIEnv *env, jobject descriptor, int value)
{
    AFileDescriptor_setFd(env, descriptor, value);
}

const char *jniStrError(int number, char *text, size_t size)
{
    return strerror_r(number, text, size); /* the GNU one */
}

jobjectArray newStringArray(JNIEnv *env, size_t count)
{
    jclass string = (*env)->FindClass(env, "java/lang/String");
    jobjectArray array = (*env)->NewObjectArray(env, (jsize)count, string, NULL);

    (*env)->DeleteLocalRef(env, string);
    return array;
}

jobjectArray toStringArray(JNIEnv *env, const char *const *strings)
{
    size_t count = 0;
    jobjectArray array;

    while (strings[count])
        count++;
    array = newStringArray(env, count);
    for (size_t i = 0; array && i < count; i++) {
        jstring string = (*env)->NewStringUTF(env, strings[i]);

        if (!string)
            return NULL;
        (*env)->SetObjectArrayElement(env, array, (jsize)i, string);
        (*env)->DeleteLocalRef(env, string);
    }
    return array;
}
