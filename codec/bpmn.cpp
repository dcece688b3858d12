/// Drawings in BPMN 2.0: what is drawn comes from the flow or the table of moves, nothing is kept
/// beside them. Boxes stand in columns by the longest way from the start.

#include "codec/flows.hpp"

#include <algorithm>
#include <map>

namespace orrery::codec {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
  }
  return out;
}

struct box {
  std::string id;
  std::string element;  ///< Of BPMN: `serviceTask`, `startEvent`, …
  std::string name;
  size_t column = 0;
  size_t row = 0;
  bool undoes = false;      ///< A compensation.
  std::string attached_to;  ///< Boundary events: the id of their task.

  int width() const { return element.ends_with("Task") || element == "task" ? 100 : small(); }
  int height() const { return element.ends_with("Task") || element == "task" ? 80 : small(); }
  int small() const { return element.ends_with("Gateway") ? 50 : 36; }
  int x() const { return 100 + static_cast<int>(column) * 160 - width() / 2; }
  int y() const { return 100 + static_cast<int>(row) * 130 - height() / 2; }
};
struct arrow {
  std::string from;
  std::string to;
  std::string name = {};
  bool compensates = false;
};

/// Gathers boxes and arrows, then writes both halves of the document.
class drawing {
public:
  drawing(std::string id, std::string name) : id_(std::move(id)), name_(std::move(name)) {}

  std::string add(std::string element, std::string name, size_t column) {
    box b;
    b.id = element + '_' + std::to_string(boxes_.size() + 1);
    b.element = std::move(element);
    b.name = std::move(name);
    b.column = column;
    b.row = rows_[column]++;
    boxes_.push_back(std::move(b));
    return boxes_.back().id;
  }
  /// A compensation below its task, with the event that leads to it.
  void add_undo(const std::string& task, std::string name) {
    const auto of = box_of(task);
    box event = of;
    event.id = "boundary_" + std::to_string(boxes_.size() + 1);
    event.element = "boundaryEvent";
    event.name.clear();
    event.attached_to = task;
    box undo = of;
    undo.id = "undo_" + std::to_string(boxes_.size() + 2);
    undo.name = std::move(name);
    undo.undoes = true;
    undo.row = rows_[of.column]++;
    arrows_.push_back({event.id, undo.id, {}, true});
    boxes_.push_back(std::move(event));
    boxes_.push_back(std::move(undo));
  }
  void connect(std::string from, std::string to, std::string name = {}) {
    arrows_.push_back({std::move(from), std::move(to), std::move(name)});
  }
  std::string write() const;

private:
  const box& box_of(const std::string& id) const {
    return *std::find_if(boxes_.begin(), boxes_.end(), [&](const box& b) { return b.id == id; });
  }
  void write_box(std::string& out, const box& b) const;
  void write_shape(std::string& out, const box& b) const;

  std::string id_;
  std::string name_;
  std::vector<box> boxes_;
  std::vector<arrow> arrows_;
  std::map<size_t, size_t> rows_;
};

std::string flow_id(size_t i) { return "flow_" + std::to_string(i + 1); }

void drawing::write_box(std::string& out, const box& b) const {
  out += "    <bpmn:" + b.element + " id=\"" + b.id + '"';
  if (!b.name.empty())
    out += " name=\"" + escaped(b.name) + '"';
  if (b.undoes)
    out += " isForCompensation=\"true\"";
  if (!b.attached_to.empty())
    out += " attachedToRef=\"" + b.attached_to + '"';
  out += ">\n";
  for (const bool incoming : {true, false})
    for (size_t i = 0; i < arrows_.size(); ++i)
      if (!arrows_[i].compensates && (incoming ? arrows_[i].to : arrows_[i].from) == b.id)
        out += std::string("      <bpmn:") + (incoming ? "incoming>" : "outgoing>") + flow_id(i) +
               (incoming ? "</bpmn:incoming>\n" : "</bpmn:outgoing>\n");
  if (!b.attached_to.empty())
    out += "      <bpmn:compensateEventDefinition id=\"" + b.id + "_definition\"/>\n";
  out += "    </bpmn:" + b.element + ">\n";
}

void drawing::write_shape(std::string& out, const box& b) const {
  int x = b.x();
  int y = b.y();
  if (!b.attached_to.empty()) {
    const auto& task = box_of(b.attached_to);
    x = task.x() + task.width() / 2 - b.width() / 2;
    y = task.y() + task.height() - b.height() / 2;
  }
  out += "      <bpmndi:BPMNShape id=\"" + b.id + "_shape\" bpmnElement=\"" + b.id +
         "\">\n        <dc:Bounds x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) +
         "\" width=\"" + std::to_string(b.width()) + "\" height=\"" + std::to_string(b.height()) +
         "\"/>\n      </bpmndi:BPMNShape>\n";
}

std::string drawing::write() const {
  std::string out =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<bpmn:definitions xmlns:bpmn=\"http://www.omg.org/spec/BPMN/20100524/MODEL\"\n"
      "    xmlns:bpmndi=\"http://www.omg.org/spec/BPMN/20100524/DI\"\n"
      "    xmlns:dc=\"http://www.omg.org/spec/DD/20100524/DC\"\n"
      "    xmlns:di=\"http://www.omg.org/spec/DD/20100524/DI\"\n"
      "    id=\"definitions\" targetNamespace=\"urn:orrery:process\">\n";
  out += "  <bpmn:process id=\"" + id_ + "\" name=\"" + escaped(name_) +
         "\" isExecutable=\"false\">\n";
  for (const auto& b : boxes_)
    write_box(out, b);
  for (const bool compensates : {false, true})
    for (size_t i = 0; i < arrows_.size(); ++i) {
      const auto& a = arrows_[i];
      if (a.compensates != compensates)
        continue;
      out += compensates ? "    <bpmn:association associationDirection=\"One\" id=\""
                         : "    <bpmn:sequenceFlow id=\"";
      out += flow_id(i) + '"';
      if (!a.name.empty())
        out += " name=\"" + escaped(a.name) + '"';
      out += " sourceRef=\"" + a.from + "\" targetRef=\"" + a.to + "\"/>\n";
    }
  out +=
      "  </bpmn:process>\n  <bpmndi:BPMNDiagram id=\"diagram\">\n    <bpmndi:BPMNPlane "
      "id=\"plane\" bpmnElement=\"" +
      id_ + "\">\n";
  for (const auto& b : boxes_)
    write_shape(out, b);
  for (size_t i = 0; i < arrows_.size(); ++i) {
    const auto& from = box_of(arrows_[i].from);
    const auto& to = box_of(arrows_[i].to);
    const bool down = arrows_[i].compensates;
    const auto& start = down ? box_of(from.attached_to) : from;
    const int x1 = down ? start.x() + start.width() / 2 : from.x() + from.width();
    const int y1 = down ? start.y() + start.height() + 18 : from.y() + from.height() / 2;
    const int x2 = down ? to.x() + to.width() / 2 : to.x();
    const int y2 = down ? to.y() : to.y() + to.height() / 2;
    out += "      <bpmndi:BPMNEdge id=\"" + flow_id(i) + "_edge\" bpmnElement=\"" + flow_id(i) +
           "\">\n        <di:waypoint x=\"" + std::to_string(x1) + "\" y=\"" + std::to_string(y1) +
           "\"/>\n        <di:waypoint x=\"" + std::to_string(x2) + "\" y=\"" + std::to_string(y2) +
           "\"/>\n      </bpmndi:BPMNEdge>\n";
  }
  out += "    </bpmndi:BPMNPlane>\n  </bpmndi:BPMNDiagram>\n</bpmn:definitions>\n";
  return out;
}

/// Column of each step: one more than the last of those it waits for. Two columns per step leave room
/// for the gateway before it.
std::vector<size_t> columns_of(const flow& f) {
  std::vector<size_t> columns(f.steps.size(), 0);
  for (bool moved = true; std::exchange(moved, false);)
    for (size_t i = 0; i < f.steps.size(); ++i)
      for (const auto before : f.steps[i].depends_on)
        if (columns[i] < columns[before] + 2) {
          columns[i] = columns[before] + 2;
          moved = true;
        }
  return columns;
}

template <class Status, class Final>
std::string draw_life(std::string id, std::string name, size_t statuses, Final is_last) {
  drawing d(std::move(id), std::move(name));
  std::vector<size_t> columns(statuses, 0);
  // By the shortest way from the first status, so that moves back draw no longer picture.
  std::vector<bool> reached(statuses, false);
  std::vector<size_t> queue{0};
  reached[0] = true;
  for (size_t next = 0; next < queue.size(); ++next)
    for (size_t to = 0; to < statuses; ++to)
      if (!reached[to] && can_move(static_cast<Status>(queue[next]), static_cast<Status>(to))) {
        reached[to] = true;
        columns[to] = columns[queue[next]] + 2;
        queue.push_back(to);
      }
  const auto start = d.add("startEvent", "submitted", 0);
  std::vector<std::string> boxes;
  for (size_t i = 0; i < statuses; ++i)
    boxes.push_back(d.add("task", std::string(to_string(static_cast<Status>(i))), columns[i] + 1));
  d.connect(start, boxes[0]);
  for (size_t from = 0; from < statuses; ++from) {
    std::vector<size_t> next;
    for (size_t to = 0; to < statuses; ++to)
      if (can_move(static_cast<Status>(from), static_cast<Status>(to)))
        next.push_back(to);
    const bool ends = is_last(static_cast<Status>(from));
    auto way_on = boxes[from];
    if (next.size() + (ends ? 1U : 0U) > 1) {
      way_on = d.add("exclusiveGateway", "", columns[from] + 2);
      d.connect(boxes[from], way_on);
    }
    for (const auto to : next)
      d.connect(way_on, boxes[to], std::string(to_string(static_cast<Status>(to))));
    if (ends)
      d.connect(way_on, d.add("endEvent", "", columns[from] + 3));
  }
  return d.write();
}

}  // namespace

std::string flow_as_bpmn(const flow& f) {
  drawing d("process_" + f.name, f.name + " version " + std::to_string(f.version));
  const auto columns = columns_of(f);
  const auto last = *std::max_element(columns.begin(), columns.end());
  const auto start = d.add("startEvent", "order", 0);
  std::vector<std::string> boxes;
  std::vector<bool> leads_on(f.steps.size(), false);
  for (size_t i = 0; i < f.steps.size(); ++i) {
    const auto& step = f.steps[i];
    boxes.push_back(d.add("serviceTask", step.name, columns[i] + 2));
    for (const auto before : step.depends_on)
      leads_on[before] = true;
  }
  for (size_t i = 0; i < f.steps.size(); ++i) {
    const auto& before = f.steps[i].depends_on;
    auto into = boxes[i];
    if (before.size() > 1) {
      into = d.add("parallelGateway", "", columns[i] + 1);
      d.connect(into, boxes[i]);
    }
    if (before.empty())
      d.connect(start, boxes[i]);
    for (const auto one : before)
      d.connect(boxes[one], into);
  }
  const auto sinks = std::count(leads_on.begin(), leads_on.end(), false);
  const auto end = d.add("endEvent", "completed", last + 4);
  auto join = end;
  if (sinks > 1) {
    join = d.add("parallelGateway", "", last + 3);
    d.connect(join, end);
  }
  for (size_t i = 0; i < f.steps.size(); ++i)
    if (!leads_on[i])
      d.connect(boxes[i], join);
  for (size_t i = 0; i < f.steps.size(); ++i)
    if (f.steps[i].has_compensation())
      d.add_undo(boxes[i], "undo " + f.steps[i].name);
  return d.write();
}

std::string life_as_bpmn(entity_kind kind) {
  if (kind == entity_kind::order)
    return draw_life<order_status>("order_life", "The life of an order", order_statuses,
                                   [](order_status s) { return is_final(s); });
  return draw_life<task_status>("task_life", "The life of a task", task_statuses,
                                [](task_status s) { return is_final(s); });
}

}  // namespace orrery::codec
