/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Natives of xmc.Heap: the generator of an application's data, and the comparison of what is kept
 * with what it makes again. Interpreted, both took seconds, and made garbage that cost a
 * collection, which copies the whole heap.
 */
#include <jni.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHRASES 26
#define PHRASE_LETTERS 28
#define VOCABULARY 1024
#define TEXT_LETTERS ((PHRASES + 2) * PHRASE_LETTERS)
#define KEY_LETTERS 32
#define BITMAP_SIDE 64
#define ODD_PIXELS 4
#define OPAQUE 0xff000000u

typedef jint row_t[BITMAP_SIDE];

/* xorshift64*, as xmc.Noise. */
static uint32_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * 0x2545f4914f6cdd1dULL) >> 32);
}

static uint64_t begin(jlong seed)
{
    return (uint64_t)seed * 0x9e3779b97f4a7c15ULL | 1;
}

static void make_key(char *key, jint block, jint index)
{
    snprintf(key, KEY_LETTERS, "item:%d:%d", block, index);
}

/* What an application keeps of a parsed answer of its server; text has TEXT_LETTERS. */
static void make_text(char *text, const jbyte *vocabulary, jlong seed)
{
    uint64_t state = begin(seed);
    char *at = text + sprintf(text, "{\"id\":%u,\"text\":\"", next(&state));

    for (int i = 0; i < PHRASES; i++, at += PHRASE_LETTERS)
        memcpy(at, vocabulary + next(&state) % VOCABULARY * PHRASE_LETTERS, PHRASE_LETTERS);
    strcpy(at, "\"}");
}

/* An icon: the same noise along each row, and a few odd pixels that stay from row to row. */
static void make_bitmap(row_t *row, jlong seed)
{
    uint64_t state = begin(seed);
    uint32_t base = next(&state);

    for (uint32_t x = 0; x < BITMAP_SIDE; x++)
        row[0][x] = (jint)(OPAQUE | ((base + x * 0x020102 + next(&state) % 16) & 0xffffff));
    for (int y = 1; y < BITMAP_SIDE; y++) {
        memcpy(row[y], row[y - 1], sizeof(row_t));
        for (int i = 0; i < ODD_PIXELS; i++) {
            uint32_t x = next(&state) % BITMAP_SIDE;

            row[y][x] = (jint)(OPAQUE | next(&state));
        }
    }
}

/* The string is there, has as many letters, and these. */
static int holds(JNIEnv *env, jstring string, const char *wanted)
{
    char found[TEXT_LETTERS];
    jsize length = string ? (*env)->GetStringLength(env, string) : -1;

    if (length != (jsize)strlen(wanted) || (*env)->GetStringUTFLength(env, string) != length)
        return 0;
    (*env)->GetStringUTFRegion(env, string, 0, length, found);
    return !memcmp(found, wanted, length);
}

JNIEXPORT jstring JNICALL Java_xmc_Heap_makeKey(JNIEnv *env, jclass class, jint block, jint index)
{
    char key[KEY_LETTERS];

    (void)class;
    make_key(key, block, index);
    return (*env)->NewStringUTF(env, key);
}

JNIEXPORT jstring JNICALL Java_xmc_Heap_makeText(JNIEnv *env, jclass class, jbyteArray vocabulary,
                                                 jlong seed)
{
    char text[TEXT_LETTERS];
    jbyte *phrases = (*env)->GetPrimitiveArrayCritical(env, vocabulary, NULL);

    (void)class;
    if (!phrases)
        return NULL;
    make_text(text, phrases, seed);
    (*env)->ReleasePrimitiveArrayCritical(env, vocabulary, phrases, JNI_ABORT);
    return (*env)->NewStringUTF(env, text);
}

JNIEXPORT jboolean JNICALL Java_xmc_Heap_sameRecord(JNIEnv *env, jclass class, jstring key,
                                                    jint block, jint index, jstring kept,
                                                    jbyteArray vocabulary, jlong seed)
{
    char wanted[TEXT_LETTERS];
    jbyte *phrases;

    (void)class;
    make_key(wanted, block, index);
    if (!holds(env, key, wanted))
        return JNI_FALSE;
    phrases = (*env)->GetPrimitiveArrayCritical(env, vocabulary, NULL);
    if (!phrases)
        return JNI_FALSE;
    make_text(wanted, phrases, seed);
    (*env)->ReleasePrimitiveArrayCritical(env, vocabulary, phrases, JNI_ABORT);
    return holds(env, kept, wanted);
}

JNIEXPORT void JNICALL Java_xmc_Heap_makeBitmap(JNIEnv *env, jclass class, jintArray pixels,
                                                jlong seed)
{
    row_t made[BITMAP_SIDE];

    (void)class;
    make_bitmap(made, seed);
    (*env)->SetIntArrayRegion(env, pixels, 0, BITMAP_SIDE * BITMAP_SIDE, made[0]);
}

/* Whether two arrays of so many bytes hold the same. */
static jboolean same(JNIEnv *env, jarray kept, const void *made, jsize bytes)
{
    void *found = (*env)->GetPrimitiveArrayCritical(env, kept, NULL);
    jboolean equal = found && !memcmp(found, made, bytes);

    if (found)
        (*env)->ReleasePrimitiveArrayCritical(env, kept, found, JNI_ABORT);
    return equal;
}

JNIEXPORT jboolean JNICALL Java_xmc_Heap_sameBitmap(JNIEnv *env, jclass class, jintArray kept,
                                                    jlong seed)
{
    row_t made[BITMAP_SIDE];

    (void)class;
    make_bitmap(made, seed);
    return (*env)->GetArrayLength(env, kept) == BITMAP_SIDE * BITMAP_SIDE &&
           same(env, kept, made, sizeof(made));
}

JNIEXPORT jboolean JNICALL Java_xmc_Heap_sameBytes(JNIEnv *env, jclass class, jbyteArray kept,
                                                   jbyteArray made, jint bytes)
{
    jbyte *wanted;
    jboolean equal;

    (void)class;
    if ((*env)->GetArrayLength(env, kept) != bytes)
        return JNI_FALSE;
    wanted = (*env)->GetPrimitiveArrayCritical(env, made, NULL);
    if (!wanted)
        return JNI_FALSE;
    equal = same(env, kept, wanted, bytes);
    (*env)->ReleasePrimitiveArrayCritical(env, made, wanted, JNI_ABORT);
    return equal;
}
