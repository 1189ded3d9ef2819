// SPDX-License-Identifier: GPL-2.0-or-later

package xmc.tests;

import static xmc.tests.Main.check;
import static xmc.tests.Main.equal;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringReader;
import java.math.BigInteger;
import java.nio.file.Files;
import java.text.SimpleDateFormat;
import java.util.Arrays;
import java.util.Date;
import java.util.Locale;
import java.util.Random;
import java.util.TimeZone;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import javax.xml.parsers.SAXParserFactory;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.xml.sax.Attributes;
import org.xml.sax.helpers.DefaultHandler;
import org.xmlpull.v1.XmlPullParser;
import org.xmlpull.v1.XmlPullParserFactory;

/** What AOSP's core library does, natives and ICU with it. */
public final class LibraryTests {
    private LibraryTests() {}

    public static void format() {
        equal("42 3.142 text 1,234,567 0x00ff", String.format(Locale.US,
                "%d %.3f %s %,d 0x%04x", 42, Math.PI, "text", 1234567, 255));
        equal("STRASSE", "stra\u00dfe".toUpperCase(Locale.GERMANY));
    }

    public static void datesByIcu() {
        SimpleDateFormat format = new SimpleDateFormat("EEEE, d MMMM yyyy HH:mm z", Locale.US);
        format.setTimeZone(TimeZone.getTimeZone("GMT"));
        equal("Thursday, 1 January 1970 00:00 GMT", format.format(new Date(0)));
    }

    public static void regularExpressions() {
        Matcher matcher = Pattern.compile("(?<key>\\w+)=(\\d+)(?=;)").matcher("a=1; bc=23; d=x;");
        StringBuffer swapped = new StringBuffer();
        while (matcher.find()) {
            matcher.appendReplacement(swapped, "$2=${key}");
        }
        equal("1=a; 23=bc; d=x;", matcher.appendTail(swapped).toString());
    }

    public static void xmlByPullAndBySax() throws Exception {
        String text = "<a><b x='1'>t&amp;u</b><b x='2'/></a>";
        XmlPullParser pull = XmlPullParserFactory.newInstance().newPullParser();
        pull.setInput(new StringReader(text));
        StringBuilder seen = new StringBuilder();
        for (int event = pull.next(); event != XmlPullParser.END_DOCUMENT; event = pull.next()) {
            if (event == XmlPullParser.START_TAG) {
                seen.append(pull.getName()).append(pull.getAttributeCount());
            } else if (event == XmlPullParser.TEXT) {
                seen.append(pull.getText());
            }
        }
        equal("a0b1t&ub1", seen.toString());
        int[] sum = new int[1];
        SAXParserFactory.newInstance().newSAXParser().parse(
                new ByteArrayInputStream(text.getBytes("UTF-8")), new DefaultHandler() {
                    @Override
                    public void startElement(String uri, String local, String name, Attributes at) {
                        sum[0] += at.getLength() == 0 ? 0 : Integer.parseInt(at.getValue("x"));
                    }
                });
        equal(3, sum[0]);
    }

    public static void json() throws Exception {
        JSONObject parsed = new JSONObject("{\"a\":[1,2.5,{\"b\":null}],\"c\":\"\\u00e9\"}");
        JSONArray list = parsed.getJSONArray("a");
        equal(3, list.length());
        check(list.getJSONObject(2).isNull("b"), "b is null");
        equal("\u00e9", parsed.getString("c"));
        equal("{\"x\":[true]}", new JSONObject().put("x", new JSONArray().put(true)).toString());
        try {
            new JSONObject("{");
            check(false, "half an object is refused");
        } catch (JSONException e) {
            check(e.getMessage().contains("character"), e.getMessage());
        }
    }

    public static void zipAndGzip() throws Exception {
        byte[] content = new byte[200_000];
        new Random(1).nextBytes(content);
        Arrays.fill(content, 50_000, 150_000, (byte) 'x');
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(packed)) {
            zip.putNextEntry(new ZipEntry("folder/entry"));
            zip.write(content);
        }
        check(packed.size() < 110_000, "the even half is packed");
        try (ZipInputStream zip = new ZipInputStream(stream(packed))) {
            equal("folder/entry", zip.getNextEntry().getName());
            check(Arrays.equals(content, all(zip)), "zip gives back what it got");
        }
        packed.reset();
        try (OutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(content);
        }
        try (InputStream gzip = new GZIPInputStream(stream(packed))) {
            check(Arrays.equals(content, all(gzip)), "gzip, too");
        }
        CRC32 sum = new CRC32();
        sum.update("123456789".getBytes("US-ASCII"));
        equal(0xcbf43926L, sum.getValue());
    }

    public static void bigNumbers() {
        BigInteger big = new BigInteger("123456789012345678901234567890");
        // python3 -c 'print(pow(123456789012345678901234567890, 65537, 1000000007))'
        equal(BigInteger.valueOf(921051386),
                big.modPow(BigInteger.valueOf(65537), BigInteger.valueOf(1_000_000_007)));
    }

    public static void files() throws Exception {
        File folder = new File("/data/local/tmp/tests");
        File file = new File(folder, "file");
        check(folder.isDirectory() || folder.mkdir(), "a folder is made");
        Files.write(file.toPath(), "hello\nworld\n".getBytes("UTF-8"));
        equal(2, Files.readAllLines(file.toPath()).size());
        check(file.renameTo(new File(folder, "other")), "a file is renamed");
        equal("[other]", Arrays.toString(folder.list()));
        check(new File(folder, "other").delete() && folder.delete(), "and deleted");
    }

    private static InputStream stream(ByteArrayOutputStream bytes) {
        return new ByteArrayInputStream(bytes.toByteArray());
    }

    private static byte[] all(InputStream in) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[] some = new byte[8192];
        for (int got = in.read(some); got >= 0; got = in.read(some)) {
            out.write(some, 0, got);
        }
        return out.toByteArray();
    }
}
