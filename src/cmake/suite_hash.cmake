# cmake -DFOLDER=... -DOUT=... -P suite_hash.cmake: one number for what conformance tests
# and how it judges, made from the sources of cases and runner.
file(GLOB sources ${FOLDER}/*.c ${FOLDER}/*.h ${FOLDER}/runner/*.c ${FOLDER}/runner/*.h)
list(SORT sources)
set(all "")
foreach(source ${sources})
  file(SHA256 ${source} one)
  get_filename_component(name ${source} NAME)
  string(APPEND all "${name} ${one}\n")
endforeach()
string(SHA256 sum "${all}")
string(SUBSTRING ${sum} 0 16 sum)
file(WRITE ${OUT} "extern const char frti_suite_hash[];\nconst char frti_suite_hash[] = \"${sum}\";\n")
