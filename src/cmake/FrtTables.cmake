# Writes FILE with one row ROW(<prefix><stem>) per source in FOLDER: a new family is
# picked up by a plain rebuild, a misnamed table is a link error that names it.
function(frt_tables out_sources file folder glob row prefix)
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/${glob})
  list(SORT sources)
  set(text "")
  foreach(source ${sources})
    get_filename_component(stem ${source} NAME_WE)
    string(APPEND text "${row}(${prefix}${stem})\n")
  endforeach()
  set(path ${CMAKE_BINARY_DIR}/generated/${file})
  file(GENERATE OUTPUT ${path} CONTENT "${text}")
  set(${out_sources} ${sources} PARENT_SCOPE)
endfunction()
