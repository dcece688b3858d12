# orrery_embed(TARGET FILES name=path…)
#
# Puts files into the program as they are; `embedded.hpp` of the folder finds them by name. They are read
# again when they change.
function(orrery_embed target)
  cmake_parse_arguments(ARG "" "" "FILES" ${ARGN})
  set(symbols "")
  set(rows "")
  set(paths "")
  set(number 0)
  foreach(entry IN LISTS ARG_FILES)
    string(FIND "${entry}" "=" equals)
    string(SUBSTRING "${entry}" 0 ${equals} name)
    math(EXPR after "${equals} + 1")
    string(SUBSTRING "${entry}" ${after} -1 path)
    list(APPEND paths "${path}")
    set(s "orrery_embedded_${number}")
    string(APPEND symbols
      "__asm__(\".section .rodata\\n.balign 16\\n.global ${s}\\n${s}:\\n.incbin \\\"${path}\\\"\\n\"\n"
      "        \".global ${s}_end\\n${s}_end:\\n.byte 0\\n.previous\\n\");\n"
      "extern \"C\" const char ${s}[], ${s}_end[];\n")
    string(APPEND rows "    {\"${name}\", {${s}, static_cast<size_t>(${s}_end - ${s})}},\n")
    math(EXPR number "${number} + 1")
  endforeach()
  set(file "${CMAKE_CURRENT_BINARY_DIR}/embedded_${target}.cpp")
  file(CONFIGURE OUTPUT "${file}" @ONLY CONTENT
"// Made by cmake/OrreryEmbed.cmake.
#include \"http/embedded.hpp\"

@symbols@
namespace orrery::http {

std::span<const embedded_file> embedded_files() noexcept {
  static const embedded_file all[] = {
@rows@  };
  return all;
}

}  // namespace orrery::http
")
  set_source_files_properties("${file}" PROPERTIES OBJECT_DEPENDS "${paths}")
  target_sources(${target} PRIVATE "${file}")
endfunction()
