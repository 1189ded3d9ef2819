// SPDX-License-Identifier: GPL-2.0-or-later

import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/** Emits the conversions that LambdaMetafactory does between two types of a value. */
final class Conversion {
    private static final Type[] PRIMITIVES = {
        Type.BOOLEAN_TYPE, Type.BYTE_TYPE, Type.CHAR_TYPE, Type.SHORT_TYPE,
        Type.INT_TYPE, Type.LONG_TYPE, Type.FLOAT_TYPE, Type.DOUBLE_TYPE,
    };
    private static final String[] BOXES = {
        "Boolean", "Byte", "Character", "Short", "Integer", "Long", "Float", "Double",
    };

    private Conversion() {}

    static void emit(MethodVisitor code, Type from, Type to) {
        if (from.equals(to)) {
            return;
        }
        if (isPrimitive(from) && isPrimitive(to)) {
            widen(code, from, to);
        } else if (isPrimitive(from)) {
            box(code, from);
        } else if (isPrimitive(to)) {
            unbox(code, from, to);
        } else if (!to.getInternalName().equals("java/lang/Object")) {
            code.visitTypeInsn(Opcodes.CHECKCAST, to.getInternalName());
        }
    }

    /** Types below ARRAY are void and the primitives. */
    static boolean isPrimitive(Type type) {
        return type.getSort() < Type.ARRAY;
    }

    private static String boxOf(Type primitive) {
        for (int i = 0; i < PRIMITIVES.length; i++) {
            if (PRIMITIVES[i].equals(primitive)) {
                return "java/lang/" + BOXES[i];
            }
        }
        throw new IllegalArgumentException(primitive + " has no box");
    }

    private static void box(MethodVisitor code, Type from) {
        String box = boxOf(from);
        code.visitMethodInsn(Opcodes.INVOKESTATIC, box, "valueOf",
                "(" + from.getDescriptor() + ")L" + box + ";", false);
    }

    private static void unbox(MethodVisitor code, Type from, Type to) {
        Type held = null;
        for (Type primitive : PRIMITIVES) {
            if (boxOf(primitive).equals(from.getInternalName())) {
                held = primitive;
            }
        }
        if (held == null) { // Object, Number, a type variable: the box follows from the target
            held = to;
            code.visitTypeInsn(Opcodes.CHECKCAST, boxOf(to));
        }
        code.visitMethodInsn(Opcodes.INVOKEVIRTUAL, boxOf(held), held.getClassName() + "Value",
                "()" + held.getDescriptor(), false);
        widen(code, held, to);
    }

    private static void widen(MethodVisitor code, Type from, Type to) {
        int opcode = widening(from.getSort(), to.getSort());
        if (opcode != Opcodes.NOP) {
            code.visitInsn(opcode);
        }
    }

    private static int widening(int from, int to) {
        if (from == to || (from <= Type.INT && to <= Type.INT)) {
            return Opcodes.NOP;
        }
        if (from <= Type.INT) {
            return to == Type.LONG ? Opcodes.I2L : to == Type.FLOAT ? Opcodes.I2F : Opcodes.I2D;
        }
        if (from == Type.LONG && to != Type.LONG) {
            return to == Type.FLOAT ? Opcodes.L2F : Opcodes.L2D;
        }
        if (from == Type.FLOAT && to == Type.DOUBLE) {
            return Opcodes.F2D;
        }
        throw new IllegalArgumentException("no widening from sort " + from + " to " + to);
    }
}
