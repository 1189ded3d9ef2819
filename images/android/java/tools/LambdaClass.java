// SPDX-License-Identifier: GPL-2.0-or-later

import static org.objectweb.asm.Opcodes.*;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Handle;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Type;
import org.objectweb.asm.tree.ClassNode;
import org.objectweb.asm.tree.InvokeDynamicInsnNode;
import org.objectweb.asm.tree.MethodNode;

/**
 * The class that stands for one lambda or method reference.
 *
 * <p>It has a field per captured value, a static {@code make} with the descriptor of the call site
 * and the method of the functional interface (with its bridges), which calls the implementation.
 * An implementation that the new class may not call (private, super, constructor) is reached
 * through an accessor added to the owner.
 */
final class LambdaClass {
    /** Flags of LambdaMetafactory.altMetafactory. */
    private static final int FLAG_SERIALIZABLE = 1;
    private static final int FLAG_MARKERS = 2;
    private static final int FLAG_BRIDGES = 4;

    /** The method to call: everything an invoke instruction needs. */
    private static final class Target {
        final int opcode;
        final String owner;
        final String name;
        final String desc;
        final boolean isInterface;

        Target(int opcode, String owner, String name, String desc, boolean isInterface) {
            this.opcode = opcode;
            this.owner = owner;
            this.name = name;
            this.desc = desc;
            this.isInterface = isInterface;
        }

        void emit(MethodVisitor code) {
            code.visitMethodInsn(opcode, owner, name, desc, isInterface);
        }
    }

    private final ClassNode owner;
    private final String name;
    private final InvokeDynamicInsnNode site;
    private final List<MethodNode> accessors;

    private final Type[] captured;
    private final Set<String> interfaces = new LinkedHashSet<>();
    /** Descriptors under which the interface's method is defined: its own, then the bridges. */
    private final Set<String> signatures = new LinkedHashSet<>();
    private final Type instantiated;
    private final Handle implementation;

    LambdaClass(ClassNode owner, String name, InvokeDynamicInsnNode site,
            List<MethodNode> accessors) {
        this.owner = owner;
        this.name = name;
        this.site = site;
        this.accessors = accessors;
        captured = Type.getArgumentTypes(site.desc);
        interfaces.add(Type.getReturnType(site.desc).getInternalName());
        signatures.add(((Type) site.bsmArgs[0]).getDescriptor());
        implementation = (Handle) site.bsmArgs[1];
        instantiated = (Type) site.bsmArgs[2];
        if (site.bsm.getName().equals("altMetafactory")) {
            readAlternatives(site.bsmArgs);
        }
    }

    String name() {
        return name;
    }

    private void readAlternatives(Object[] args) {
        int next = 3;
        int flags = (Integer) args[next++];
        if ((flags & FLAG_SERIALIZABLE) != 0) {
            interfaces.add("java/io/Serializable");
        }
        if ((flags & FLAG_MARKERS) != 0) {
            for (int count = (Integer) args[next++]; count > 0; count--) {
                interfaces.add(((Type) args[next++]).getInternalName());
            }
        }
        if ((flags & FLAG_BRIDGES) != 0) {
            for (int count = (Integer) args[next++]; count > 0; count--) {
                signatures.add(((Type) args[next++]).getDescriptor());
            }
        }
    }

    byte[] generate() {
        List<Type> parameters = implementationParameters();
        Type result = isConstructor() ? Type.getObjectType(implementation.getOwner())
                : Type.getReturnType(implementation.getDesc());
        boolean viaAccessor = needsAccessor();
        Target target = viaAccessor ? addAccessor(parameters, result)
                : new Target(directOpcode(), implementation.getOwner(), implementation.getName(),
                        implementation.getDesc(), implementation.isInterface());

        ClassWriter writer = new ClassWriter(ClassWriter.COMPUTE_MAXS);
        writer.visit(V1_8, ACC_FINAL | ACC_SYNTHETIC | ACC_SUPER, name, null, "java/lang/Object",
                interfaces.toArray(new String[0]));
        emitConstructor(writer);
        emitMake(writer);
        for (String signature : signatures) {
            emitCall(writer, signature, target, isConstructor() && !viaAccessor, parameters, result);
        }
        writer.visitEnd();
        return writer.toByteArray();
    }

    private boolean isConstructor() {
        return implementation.getTag() == H_NEWINVOKESPECIAL;
    }

    private int directOpcode() {
        switch (implementation.getTag()) {
            case H_INVOKESTATIC:
                return INVOKESTATIC;
            case H_INVOKEVIRTUAL:
                return INVOKEVIRTUAL;
            case H_INVOKEINTERFACE:
                return INVOKEINTERFACE;
            case H_INVOKESPECIAL:
            case H_NEWINVOKESPECIAL:
                return INVOKESPECIAL;
            default:
                throw new IllegalArgumentException("method handle " + implementation);
        }
    }

    /** Parameters of the implementation, its receiver first if it has one. */
    private List<Type> implementationParameters() {
        List<Type> parameters = new ArrayList<>();
        if (implementation.getTag() != H_INVOKESTATIC && !isConstructor()) {
            parameters.add(Type.getObjectType(implementation.getOwner()));
        }
        parameters.addAll(Arrays.asList(Type.getArgumentTypes(implementation.getDesc())));
        return parameters;
    }

    private boolean needsAccessor() {
        if (implementation.getTag() == H_INVOKESPECIAL) {
            return true;
        }
        if (!implementation.getOwner().equals(owner.name)) {
            return false;
        }
        return owner.methods.stream().anyMatch(
                m -> m.name.equals(implementation.getName())
                        && m.desc.equals(implementation.getDesc())
                        && (m.access & ACC_PRIVATE) != 0);
    }

    private Target addAccessor(List<Type> parameters, Type result) {
        boolean inInterface = (owner.access & ACC_INTERFACE) != 0;
        String accessorName = "access$lambda$" + name.substring(name.lastIndexOf('$') + 1);
        String desc = Type.getMethodDescriptor(result, parameters.toArray(new Type[0]));
        MethodNode code = new MethodNode((inInterface ? ACC_PUBLIC : 0) | ACC_STATIC
                | ACC_SYNTHETIC, accessorName, desc, null, null);
        if (isConstructor()) {
            code.visitTypeInsn(NEW, implementation.getOwner());
            code.visitInsn(DUP);
        }
        int slot = 0;
        for (Type parameter : parameters) {
            code.visitVarInsn(parameter.getOpcode(ILOAD), slot);
            slot += parameter.getSize();
        }
        int opcode = directOpcode() == INVOKEVIRTUAL ? INVOKESPECIAL : directOpcode();
        code.visitMethodInsn(opcode, implementation.getOwner(), implementation.getName(),
                implementation.getDesc(), implementation.isInterface());
        code.visitInsn(result.getOpcode(IRETURN));
        // Room for the arguments, NEW's two references, and a result of two words.
        code.visitMaxs(slot + 4, slot);
        accessors.add(code);
        return new Target(INVOKESTATIC, owner.name, accessorName, desc, inInterface);
    }

    private void emitConstructor(ClassWriter writer) {
        for (int i = 0; i < captured.length; i++) {
            writer.visitField(ACC_PRIVATE | ACC_FINAL | ACC_SYNTHETIC, "f" + i,
                    captured[i].getDescriptor(), null, null);
        }
        MethodVisitor code = writer.visitMethod(
                ACC_PRIVATE | ACC_SYNTHETIC, "<init>", constructorDesc(), null, null);
        code.visitCode();
        code.visitVarInsn(ALOAD, 0);
        code.visitMethodInsn(INVOKESPECIAL, "java/lang/Object", "<init>", "()V", false);
        int slot = 1;
        for (int i = 0; i < captured.length; i++) {
            code.visitVarInsn(ALOAD, 0);
            code.visitVarInsn(captured[i].getOpcode(ILOAD), slot);
            slot += captured[i].getSize();
            code.visitFieldInsn(PUTFIELD, name, "f" + i, captured[i].getDescriptor());
        }
        code.visitInsn(RETURN);
        code.visitMaxs(0, 0);
        code.visitEnd();
    }

    private String constructorDesc() {
        return Type.getMethodDescriptor(Type.VOID_TYPE, captured);
    }

    /** A lambda that captures nothing is made once, as the Java runtime does. */
    private void emitMake(ClassWriter writer) {
        boolean single = captured.length == 0;
        if (single) {
            emitInstanceField(writer);
        }
        MethodVisitor code =
                writer.visitMethod(ACC_STATIC | ACC_SYNTHETIC, "make", site.desc, null, null);
        code.visitCode();
        if (single) {
            code.visitFieldInsn(GETSTATIC, name, "INSTANCE", "L" + name + ";");
        } else {
            code.visitTypeInsn(NEW, name);
            code.visitInsn(DUP);
            int slot = 0;
            for (Type type : captured) {
                code.visitVarInsn(type.getOpcode(ILOAD), slot);
                slot += type.getSize();
            }
            code.visitMethodInsn(INVOKESPECIAL, name, "<init>", constructorDesc(), false);
        }
        code.visitInsn(ARETURN);
        code.visitMaxs(0, 0);
        code.visitEnd();
    }

    private void emitInstanceField(ClassWriter writer) {
        writer.visitField(ACC_STATIC | ACC_PRIVATE | ACC_FINAL | ACC_SYNTHETIC, "INSTANCE",
                "L" + name + ";", null, null);
        MethodVisitor code = writer.visitMethod(ACC_STATIC, "<clinit>", "()V", null, null);
        code.visitCode();
        code.visitTypeInsn(NEW, name);
        code.visitInsn(DUP);
        code.visitMethodInsn(INVOKESPECIAL, name, "<init>", constructorDesc(), false);
        code.visitFieldInsn(PUTSTATIC, name, "INSTANCE", "L" + name + ";");
        code.visitInsn(RETURN);
        code.visitMaxs(0, 0);
        code.visitEnd();
    }

    private void emitCall(ClassWriter writer, String signature, Target target, boolean construct,
            List<Type> parameters, Type result) {
        MethodVisitor code = writer.visitMethod(ACC_PUBLIC, site.name, signature, null, null);
        code.visitCode();
        if (construct) {
            code.visitTypeInsn(NEW, target.owner);
            code.visitInsn(DUP);
        }
        int parameter = 0;
        for (int i = 0; i < captured.length; i++) {
            code.visitVarInsn(ALOAD, 0);
            code.visitFieldInsn(GETFIELD, name, "f" + i, captured[i].getDescriptor());
            Conversion.emit(code, captured[i], parameters.get(parameter++));
        }
        Type[] erased = Type.getArgumentTypes(signature);
        Type[] actual = instantiated.getArgumentTypes();
        int slot = 1;
        for (int i = 0; i < erased.length; i++) {
            code.visitVarInsn(erased[i].getOpcode(ILOAD), slot);
            slot += erased[i].getSize();
            Conversion.emit(code, erased[i], actual[i]);
            Conversion.emit(code, actual[i], parameters.get(parameter++));
        }
        target.emit(code);
        emitReturn(code, result, Type.getReturnType(signature));
        code.visitMaxs(0, 0);
        code.visitEnd();
    }

    private void emitReturn(MethodVisitor code, Type result, Type wanted) {
        if (wanted.getSort() == Type.VOID) {
            if (result.getSort() != Type.VOID) {
                code.visitInsn(result.getSize() == 2 ? POP2 : POP);
            }
            code.visitInsn(RETURN);
            return;
        }
        Type actual = instantiated.getReturnType();
        Conversion.emit(code, result, actual);
        Conversion.emit(code, actual, wanted);
        code.visitInsn(wanted.getOpcode(IRETURN));
    }
}
