// SPDX-License-Identifier: GPL-2.0-or-later

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.commons.ClassRemapper;
import org.objectweb.asm.commons.Remapper;

/**
 * Moves Debian's ICU4J from com.ibm.icu to android.icu, where AOSP's core library expects it.
 *
 * <p>Usage: RelocateIcu ICU4J.JAR OUT.JAR
 *
 * <p>Debian compiles ICU4J against a class library in which ByteBuffer.flip() and friends return
 * ByteBuffer; in AOSP 10 they return Buffer, so those calls are rewritten too.
 */
public final class RelocateIcu {
    private static final Set<String> FLUENT_NO_ARGUMENT =
            Set.of("mark", "reset", "clear", "flip", "rewind");
    private static final Set<String> FLUENT_ONE_INT = Set.of("position", "limit");

    /** Any fixed time: the archive must not depend on when it was made. */
    private static final FileTime EPOCH = FileTime.fromMillis(315_532_800_000L);

    private RelocateIcu() {}

    public static void main(String[] args) throws IOException {
        try (JarFile in = new JarFile(args[0]);
                ZipOutputStream out = new ZipOutputStream(new FileOutputStream(args[1]))) {
            for (String name : sortedEntries(in)) {
                byte[] bytes = in.getInputStream(in.getEntry(name)).readAllBytes();
                ZipEntry entry = new ZipEntry(rename(name));
                entry.setLastModifiedTime(EPOCH);
                out.putNextEntry(entry);
                out.write(name.endsWith(".class") ? relocate(bytes) : bytes);
                out.closeEntry();
            }
        }
    }

    private static List<String> sortedEntries(JarFile jar) {
        TreeSet<String> names = new TreeSet<>();
        jar.stream()
                .filter(e -> !e.isDirectory() && !e.getName().startsWith("META-INF"))
                .forEach(e -> names.add(e.getName()));
        return new ArrayList<>(names);
    }

    private static String rename(String text) {
        return text.replace("com/ibm/icu/", "android/icu/")
                .replace("com.ibm.icu.", "android.icu.");
    }

    private static byte[] relocate(byte[] bytes) {
        ClassWriter writer = new ClassWriter(0);
        new ClassReader(bytes).accept(new ClassRemapper(new BufferCalls(writer), new Names()), 0);
        return writer.toByteArray();
    }

    /** Class names, also where they are spelled in string constants (resource bundles). */
    private static final class Names extends Remapper {
        @Override
        public String map(String internalName) {
            return internalName.startsWith("com/ibm/icu/") ? rename(internalName) : internalName;
        }

        @Override
        public Object mapValue(Object value) {
            return value instanceof String ? rename((String) value) : super.mapValue(value);
        }
    }

    /** Calls of the fluent methods that java.nio.Buffer alone has in AOSP 10. */
    private static final class BufferCalls extends ClassVisitor {
        BufferCalls(ClassVisitor next) {
            super(Opcodes.ASM9, next);
        }

        @Override
        public MethodVisitor visitMethod(
                int access, String name, String desc, String signature, String[] exceptions) {
            MethodVisitor next = super.visitMethod(access, name, desc, signature, exceptions);
            return new MethodVisitor(Opcodes.ASM9, next) {
                @Override
                public void visitMethodInsn(
                        int op, String owner, String method, String methodDesc, boolean itf) {
                    if (!isFluent(owner, method, methodDesc)) {
                        super.visitMethodInsn(op, owner, method, methodDesc, itf);
                        return;
                    }
                    String arguments = methodDesc.substring(0, methodDesc.indexOf(')') + 1);
                    super.visitMethodInsn(op, owner, method, arguments + "Ljava/nio/Buffer;", itf);
                    super.visitTypeInsn(Opcodes.CHECKCAST, owner);
                }
            };
        }

        private static boolean isFluent(String owner, String method, String desc) {
            if (!owner.startsWith("java/nio/") || !owner.endsWith("Buffer")
                    || owner.equals("java/nio/Buffer") || !desc.endsWith(")L" + owner + ";")) {
                return false;
            }
            return desc.startsWith("(I)") ? FLUENT_ONE_INT.contains(method)
                    : desc.startsWith("()") && FLUENT_NO_ARGUMENT.contains(method);
        }
    }
}
