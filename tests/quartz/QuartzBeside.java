import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.text.ParseException;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TimeZone;
import java.util.TreeMap;
import org.quartz.CronExpression;

/**
 * Quartz's own CronExpression beside ours. `compare` reads cases of `cron_beside_quartz cases` (expression,
 * zone, seconds after, our answer or "never" or "invalid", tab-separated), asks Quartz, sorts the differences
 * into classes and prints their counts with an example of each. `bench` reads expressions, one a line, and
 * prints nanoseconds per next time.
 */
public final class QuartzBeside {
  private static final long NEVER = Long.MIN_VALUE;
  private static final long INVALID = Long.MIN_VALUE + 1;

  private static long ask(String expression, String zone, long after) {
    try {
      CronExpression made = new CronExpression(expression);
      made.setTimeZone(TimeZone.getTimeZone(zone));
      Date next = made.getNextValidTimeAfter(new Date(after * 1000));
      return next == null ? NEVER : Math.floorDiv(next.getTime(), 1000L);
    } catch (ParseException | UnsupportedOperationException e) {
      return INVALID;
    } catch (RuntimeException e) {
      return INVALID;
    }
  }

  private static long parse(String text) {
    return text.equals("never") ? NEVER : text.equals("invalid") ? INVALID : Long.parseLong(text);
  }

  private static String shown(long value) {
    return value == NEVER ? "never" : value == INVALID ? "invalid" : new Date(value * 1000).toInstant().toString();
  }

  private static boolean nearChange(String zone, long at) {
    java.time.zone.ZoneRules rules = java.time.ZoneId.of(zone).getRules();
    java.time.zone.ZoneOffsetTransition next = rules.nextTransition(java.time.Instant.ofEpochSecond(at - 2 * 86400));
    return next != null && next.toEpochSecond() <= at + 2 * 86400;
  }

  private static String classOf(String expression, String zone, long after, long ours, long theirs) {
    String[] fields = expression.trim().split("\\s+");
    if (theirs == INVALID) return ours == INVALID ? "same" : "Quartz refuses, we accept";
    if (ours == INVALID) return "we refuse, Quartz accepts";
    if (fields[3].contains("W")) return "W: Quartz loses times of the day it moved to, or searches past them";
    if (theirs == NEVER || (ours == NEVER && theirs != NEVER)) {
      if (theirs != NEVER && theirs > 7258118400L) return "Quartz goes beyond 2199";
      return theirs == NEVER ? "Quartz finds none" : "we find none";
    }
    if (nearChange(zone, Math.min(ours, theirs)) || nearChange(zone, after))
      return ours < theirs ? "clocks change: Quartz is later" : "clocks change: Quartz is earlier";
    return ours < theirs ? "other: Quartz is later" : "other: Quartz is earlier";
  }

  private static void compare(BufferedReader in) throws Exception {
    Map<String, Integer> counts = new TreeMap<>();
    Map<String, List<String>> examples = new TreeMap<>();
    int cases = 0;
    int same = 0;
    for (String line; (line = in.readLine()) != null; ) {
      String[] part = line.split("\t");
      long after = Long.parseLong(part[2]);
      long ours = parse(part[3]);
      long theirs = ask(part[0], part[1], after);
      ++cases;
      if (ours == theirs) {
        ++same;
        continue;
      }
      String kind = classOf(part[0], part[1], after, ours, theirs);
      counts.merge(kind, 1, Integer::sum);
      List<String> of = examples.computeIfAbsent(kind, k -> new ArrayList<>());
      if (of.size() < 4)
        of.add(part[0] + " in " + part[1] + " after " + shown(after) + ": ours " + shown(ours) + ", Quartz "
            + shown(theirs));
    }
    System.out.println("cases " + cases + ", same " + same);
    for (Map.Entry<String, Integer> one : counts.entrySet()) {
      System.out.println(one.getValue() + "\t" + one.getKey());
      for (String example : examples.get(one.getKey())) System.out.println("\t\t" + example);
    }
  }

  private static void bench(BufferedReader in) throws Exception {
    for (String line; (line = in.readLine()) != null; ) {
      CronExpression made = new CronExpression(line);
      made.setTimeZone(TimeZone.getTimeZone("Europe/Warsaw"));
      Date at = new Date(1800000000000L);
      final int warm = 20000;
      final int rounds = 100000;
      Date next = at;
      for (int i = 0; i < warm; ++i) {
        next = made.getNextValidTimeAfter(next);
        if (next == null) next = at;
      }
      long begin = System.nanoTime();
      for (int i = 0; i < rounds; ++i) {
        next = made.getNextValidTimeAfter(next);
        if (next == null || next.getTime() > 3000000000000L) next = at;
      }
      System.out.println(line + "\t" + (System.nanoTime() - begin) / rounds);
    }
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    if (args[0].equals("bench")) bench(in);
    else compare(in);
  }
}
