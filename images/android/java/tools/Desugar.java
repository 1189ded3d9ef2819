// SPDX-License-Identifier: GPL-2.0-or-later

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.tree.AbstractInsnNode;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.InvokeDynamicInsnNode;
import org.objectweb.asm.tree.MethodInsnNode;
import org.objectweb.asm.tree.MethodNode;

/**
 * Replaces lambdas and method references by ordinary classes, as Android's build does before dex.
 *
 * <p>Usage: Desugar IN_FOLDER OUT_FOLDER (folders of class files)
 *
 * <p>ART has no LambdaMetafactory, and neither dx nor anything else in Debian desugars. Each
 * invokedynamic becomes a call of a static method {@code make} of a generated class, see
 * {@link LambdaClass}.
 */
public final class Desugar {
    private final Path out;

    private Desugar(Path out) {
        this.out = out;
    }

    public static void main(String[] args) throws IOException {
        Path in = Paths.get(args[0]);
        Desugar desugar = new Desugar(Paths.get(args[1]));
        for (Path file : sortedFiles(in)) {
            desugar.convert(in.relativize(file), Files.readAllBytes(file));
        }
    }

    private static List<Path> sortedFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).sorted().collect(Collectors.toList());
        }
    }

    private void convert(Path relative, byte[] bytes) throws IOException {
        String name = relative.toString();
        if (name.endsWith("module-info.class")) {
            return;
        }
        write(relative, name.endsWith(".class") ? convertClass(bytes) : bytes);
    }

    private void write(Path relative, byte[] bytes) throws IOException {
        Path file = out.resolve(relative);
        Files.createDirectories(file.getParent());
        Files.write(file, bytes);
    }

    private byte[] convertClass(byte[] bytes) throws IOException {
        ClassNode owner = new ClassNode();
        new ClassReader(bytes).accept(owner, 0);
        boolean changed = owner.methods.removeIf(m -> m.name.equals("$deserializeLambda$"));
        List<MethodNode> accessors = new ArrayList<>();
        int count = 0;
        for (MethodNode method : owner.methods) {
            for (AbstractInsnNode insn : method.instructions.toArray()) {
                if (!(insn instanceof InvokeDynamicInsnNode)) {
                    continue;
                }
                InvokeDynamicInsnNode site = (InvokeDynamicInsnNode) insn;
                checkIsLambda(owner, site);
                LambdaClass lambda =
                        new LambdaClass(owner, owner.name + "$$Lambda$" + count++, site, accessors);
                write(Paths.get(lambda.name() + ".class"), lambda.generate());
                method.instructions.set(insn, new MethodInsnNode(
                        Opcodes.INVOKESTATIC, lambda.name(), "make", site.desc, false));
                changed = true;
            }
        }
        if (!changed) {
            return bytes;
        }
        owner.methods.addAll(accessors);
        ClassWriter writer = new ClassWriter(0);
        owner.accept(writer);
        return writer.toByteArray();
    }

    private static void checkIsLambda(ClassNode owner, InvokeDynamicInsnNode site) {
        if (!site.bsm.getOwner().equals("java/lang/invoke/LambdaMetafactory")) {
            throw new IllegalArgumentException(
                    owner.name + ": invokedynamic by " + site.bsm + " (compile with"
                            + " -XDstringConcat=inline)");
        }
    }
}
